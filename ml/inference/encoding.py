"""From the 16 features as they come to the numbers that the trees read.

Numbers stay numbers and a missing one stays missing, unless training never saw it missing: then it is read as the
training's median. Job years become 0 to 10. The other categories become one column for each value that training saw
often enough; an unknown one is none of them (S0-B12). Nothing here raises for a value, however absurd.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.columns import (
    AMOUNT,
    CATEGORICAL,
    FEATURES,
    JOB_YEARS,
    JOB_YEARS_CHOICES,
    MISSING_WORDS,
    NUMERIC,
    PLACEHOLDER_AMOUNT,
    SCORE,
    SCORE_MAX,
    plain,
)

NAN = math.nan
Matrix = NDArray[np.float32]

_JOB_YEARS = {plain(words): float(years) for years, words in enumerate(JOB_YEARS_CHOICES)}


@dataclass(frozen=True)
class Encoding:
    """What training saw: the ranges of numbers, the fills of those never missing, the values of categories."""

    ranges: dict[str, tuple[float, float]]
    fills: dict[str, float]
    categories: dict[str, tuple[str, ...]]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns of the matrix."""
        shown = [f"{name} = {value}" for name in CATEGORICAL for value in self.categories[name]]
        return (*NUMERIC, *shown)

    @cached_property
    def sources(self) -> tuple[int, ...]:
        """For each column of the matrix, the place in FEATURES of what it comes from."""
        known = [name for name in CATEGORICAL for _ in self.categories[name]]
        return tuple(FEATURES.index(name) for name in (*NUMERIC, *known))

    @cached_property
    def _places(self) -> tuple[tuple[str, dict[str, int]], ...]:
        """For each category, the column of each value, as it is spelled and by its plain word."""
        found, place = [], len(NUMERIC)
        for name in CATEGORICAL:
            values = self.categories[name]
            plainly = {plain(value): place + at for at, value in enumerate(values)}
            found.append((name, {**{value: place + at for at, value in enumerate(values)}, **plainly}))
            place += len(self.categories[name])
        return tuple(found)

    @cached_property
    def _unmarked(self) -> list[float]:
        return [0.0] * (len(self.names) - len(NUMERIC))

    @cached_property
    def _numbers(self) -> tuple[tuple[str, float, float, float], ...]:
        return tuple((name, *self.ranges[name], self.fills.get(name, NAN)) for name in NUMERIC)

    def row(self, values: Mapping[str, object]) -> tuple[list[float], tuple[str, ...]]:
        """Return the numbers of one row, and the features that lie outside of what training saw."""
        encoded, outside = [], []
        for name, lowest, highest, fill in self._numbers:
            number = read_number(name, values.get(name))
            if number != number:
                number = fill
            elif number > highest or number < lowest:
                outside.append(name)
            encoded.append(number)
        encoded += self._unmarked
        for name, places in self._places:
            value = values.get(name)
            if value is not None:
                place = places.get(value) if type(value) is str else None  # As training spelled it most often.
                if place is None:
                    place = places.get(plain(str(value)))
                if place is not None:
                    encoded[place] = 1.0
        return encoded, tuple(outside)

    def matrix(self, columns: Mapping[str, Sequence[Any]]) -> Matrix:
        """Return the numbers of many rows. A column that is not given is missing in all of them."""
        length = max((len(column) for column in columns.values()), default=0)
        encoded = np.zeros((length, len(self.names)), dtype=np.float32)
        for place, (name, _, _, fill) in enumerate(self._numbers):
            numbers = read_numbers(name, columns[name]) if name in columns else np.full(length, NAN)
            if fill == fill:
                numbers = np.where(np.isnan(numbers), fill, numbers)
            encoded[:, place] = numbers
        for name, places in self._places:
            if name in columns:
                _mark(encoded, columns[name], places)
        return encoded

    def facts(self) -> dict[str, Any]:
        return {
            "ranges": {name: list(self.ranges[name]) for name in NUMERIC},
            "fills": self.fills,
            "categories": {name: list(self.categories[name]) for name in CATEGORICAL},
        }

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> "Encoding":
        return cls(
            ranges={name: (float(facts["ranges"][name][0]), float(facts["ranges"][name][1])) for name in NUMERIC},
            fills={name: float(value) for name, value in facts["fills"].items()},
            categories={name: tuple(facts["categories"][name]) for name in CATEGORICAL},
        )


def read_number(name: str, value: object) -> float:
    """Return a number that is sound for its feature, else NaN: negative, infinite, a placeholder, no number at all."""
    if value is None:
        return NAN
    if name == JOB_YEARS:
        return _JOB_YEARS.get(plain(str(value)), NAN)
    try:
        number = value if type(value) is float else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return NAN
    # Most are small, and sound as they are.
    return number if 0.0 <= number <= SCORE_MAX else _sound(name, number)


def _sound(name: str, number: float) -> float:
    if not 0.0 <= number < 1e30:
        return NAN
    if name == SCORE and number > SCORE_MAX:
        return number / 10 if number <= SCORE_MAX * 10 else NAN
    if name == AMOUNT and number == PLACEHOLDER_AMOUNT:
        return NAN
    return number


def read_numbers(name: str, values: Sequence[Any]) -> NDArray[np.float64]:
    """Do the same with a column. Numbers, Decimals and None go at once; words one by one."""
    if name == JOB_YEARS:
        known = {value: read_number(name, value) for value in set(values)}
        return np.fromiter((known[value] for value in values), dtype=np.float64, count=len(values))
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.fromiter((read_number(name, value) for value in values), dtype=np.float64, count=len(values))
    numbers[~((numbers >= 0.0) & (numbers < 1e30))] = NAN
    if name == SCORE:
        high = numbers > SCORE_MAX
        numbers[high] = np.where(numbers[high] <= SCORE_MAX * 10, numbers[high] / 10, NAN)
    elif name == AMOUNT:
        numbers[numbers == PLACEHOLDER_AMOUNT] = NAN
    return numbers


def _mark(encoded: Matrix, values: Sequence[Any], places: Mapping[str, int]) -> None:
    known = {value: places.get(plain(str(value)), -1) if value is not None else -1 for value in set(values)}
    columns = np.fromiter((known[value] for value in values), dtype=np.intp, count=len(values))
    rows = np.flatnonzero(columns >= 0)
    encoded[rows, columns[rows]] = 1.0


def is_missing(value: object) -> bool:
    return value is None or str(value).strip().casefold() in MISSING_WORDS
