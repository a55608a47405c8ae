"""What is learned from rows besides the trees: the encoding, and how features lie (for drift)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.columns import CATEGORICAL, FEATURES, JOB_YEARS, LABELS, NUMERIC, plain
from ml.inference.encoding import Encoding, read_numbers
from ml.training.loans import Loans
from ml.training.measures import Floats, Ints

DRIFT_BINS = 10
# Bins hold made-round edges: no single loan can be read from them.
EDGE_DIGITS = 3


def learn_encoding(loans: Loans, rare_below: int) -> Encoding:
    """Return ranges of numbers, medians of those never missing, and the values seen at least `rare_below` times."""
    ranges, fills = {}, {}
    for name in NUMERIC:
        numbers = read_numbers(name, loans.column(name))
        known = numbers[~np.isnan(numbers)]
        ranges[name] = (_down(known.min()), _up(known.max())) if len(known) else (0.0, 0.0)
        if len(known) and len(known) == len(numbers):
            fills[name] = float(f"{np.median(known):.{EDGE_DIGITS}g}")
    categories = {name: _values(loans.column(name), rare_below) for name in CATEGORICAL}
    return Encoding(ranges, fills, categories)


def _down(number: float) -> float:
    rounded = float(f"{number:.{EDGE_DIGITS}g}")
    return rounded if rounded <= number else float(f"{number * 0.99:.{EDGE_DIGITS}g}")


def _up(number: float) -> float:
    rounded = float(f"{number:.{EDGE_DIGITS}g}")
    return rounded if rounded >= number else float(f"{number * 1.01:.{EDGE_DIGITS}g}")


def _values(column: Sequence[str], rare_below: int) -> tuple[str, ...]:
    """Return the values often enough, each in its commonest spelling."""
    spellings: dict[str, Counter[str]] = {}
    for cell in column:
        if plain(cell):
            spellings.setdefault(plain(cell), Counter())[cell] += 1
    often = [found.most_common(1)[0][0] for found in spellings.values() if found.total() >= rare_below]
    return tuple(sorted(often))


def reference(columns: Mapping[str, Sequence[str]], encoding: Encoding, probabilities: Floats) -> dict[str, Any]:
    """Return the shares of each feature's bins, missing ones first, and of the score's: what drift is held against."""
    found: dict[str, Any] = {}
    for name in FEATURES:
        if name in CATEGORICAL:
            values = [plain(value) for value in encoding.categories[name]]
            found[name] = {"values": values, "shares": shares_of_values(columns[name], values)}
        else:
            numbers = read_numbers(name, columns[name])
            edges = bin_edges(numbers)
            found[name] = {"edges": edges, "shares": shares_of_numbers(numbers, edges)}
    edges = bin_edges(probabilities)
    found["score"] = {"edges": edges, "shares": shares_of_numbers(probabilities, edges)}
    return found


def bin_edges(numbers: Floats) -> list[float]:
    """Return the inner edges of tenths of the known numbers, rounded; fewer where many are equal."""
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return []
    inner = np.quantile(known, np.linspace(0, 1, DRIFT_BINS + 1)[1:-1])
    return sorted({float(f"{edge:.{EDGE_DIGITS}g}") for edge in inner})


def shares_of_numbers(numbers: Floats, edges: Sequence[float]) -> list[float]:
    missing = np.isnan(numbers)
    counts = np.bincount(np.searchsorted(edges, numbers[~missing], side="right"), minlength=len(edges) + 1)
    return [round(int(number) / max(len(numbers), 1), 5) for number in (missing.sum(), *counts)]


def shares_of_values(column: Sequence[Any], values: Sequence[str]) -> list[float]:
    """Return the shares of missing ones, of each value, and of all others."""
    found = Counter(plain(str(cell)) if cell is not None else "" for cell in column)
    known = [found[""], *(found[value] for value in values)]
    total = max(len(column), 1)
    return [round(number / total, 5) for number in (*known, total - sum(known))]


def probes(encoding: Encoding) -> list[dict[str, Any]]:
    """Return made-up rows that stand for nobody: nothing known, the middle of each range, and its ends."""
    first = {name: (values or ("",))[0] for name, values in encoding.categories.items()}
    last = {name: (values or ("",))[-1] for name, values in encoding.categories.items()}
    numbers = {name: limits for name, limits in encoding.ranges.items() if name != JOB_YEARS}
    middle = {name: encoding.fills.get(name, round((low + high) / 2, 1)) for name, (low, high) in numbers.items()}
    return [
        {},
        {**first, **middle, JOB_YEARS: "3 years"},
        {**last, **{name: low for name, (low, _) in numbers.items()}, JOB_YEARS: "< 1 year"},
        {**first, **{name: high for name, (_, high) in numbers.items()}, JOB_YEARS: "10+ years"},
    ]


def group_columns(loans: Loans) -> dict[str, list[str]]:
    """Return the groups for which quality is told separately."""
    scores = ["known" if cell else "missing" for cell in loans.column("Credit Score")]
    named = {name: _one_spelling(loans.column(name)) for name in (*CATEGORICAL, JOB_YEARS)}
    return {**named, "Credit Score": scores}


def _one_spelling(column: Sequence[str]) -> list[str]:
    spelled: dict[str, str] = {}
    return [spelled.setdefault(plain(cell), cell) or "missing" for cell in column]


def outcome_counts(paid: Ints) -> dict[str, int]:
    return {LABELS[0]: int((paid == 0).sum()), LABELS[1]: int((paid == 1).sum())}
