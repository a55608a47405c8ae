"""Data that give the outcome away are refused: a model of them would shine here and know nothing.

Two looks. Before training: no value, no missing cell and no end of a column may stand, in many rows, for one outcome
only. After cross-validation: on these data nobody honest gets a ROC-AUC above 0.70 (with both known leaks in, 0.77).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ml.columns import AMOUNT, FEATURES, LABELS, SCORE
from ml.errors import LeakFound
from ml.training.loans import NUMBERS, Loans, has_placeholder, has_tenfold_score

# How unlikely it must be that so many rows share their outcome by chance.
CHANCE = 1e-9
# Cleaning may cure a file of oddities, not make one of them.
ODD_SHARE_MAX = 0.5
END_OVER_VALUE = 1.1


@dataclass(frozen=True, slots=True)
class Leak:
    column: str
    what: str
    rows: int
    label: str

    def __str__(self) -> str:
        return f"{self.column} {self.what} in {self.rows} rows, all of them {self.label}"


def refuse_odd(loans: Loans) -> None:
    """Refuse a file that the two known oddities fill. Raises: LeakFound, counting them."""
    placeholders = sum(has_placeholder(row) for row in loans.rows)
    scores = sum(has_tenfold_score(row) for row in loans.rows)
    odd = sum(has_placeholder(row) or has_tenfold_score(row) for row in loans.rows)
    if odd > ODD_SHARE_MAX * len(loans.rows):
        raise LeakFound(
            f"{loans.source}: {odd} of {len(loans.rows)} rows give the outcome away: {placeholders} by the placeholder "
            f"in {AMOUNT}, {scores} by a ten-fold {SCORE}"
        )


def refuse_leaks(loans: Loans) -> None:
    """Raises: LeakFound, naming and counting each."""
    if found := find_leaks(loans):
        rows = sum(leak.rows for leak in found)
        raise LeakFound(f"{loans.source}: the outcome is given away {rows} times: {'; '.join(map(str, found))}")


def find_leaks(loans: Loans) -> list[Leak]:
    """Return what stands for one outcome only, at most one for each column and outcome, most rows first."""
    paid = np.array(loans.outcomes(), dtype=bool)
    base = paid.mean()
    shares = {LABELS[0]: 1 - base, LABELS[1]: base}
    found: dict[tuple[str, str], Leak] = {}
    for name in FEATURES:
        for what, rows, label in _pure(name, loans.column(name), paid):
            best = found.get((name, label))
            # An end of the column that holds hardly more rows than a single value says less than that value.
            if shares[label] ** rows < CHANCE and (best is None or best.rows * END_OVER_VALUE < rows):
                found[name, label] = Leak(name, what, rows, label)
    return sorted(found.values(), key=lambda leak: -leak.rows)


def _pure(name: str, column: Sequence[str], paid: np.ndarray) -> Iterator[tuple[str, int, str]]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, cell in enumerate(column):
        places[cell].append(place)
    for cell, at in sorted(places.items(), key=lambda one: -len(one[1])):
        number = int(paid[at].sum())
        if number in (0, len(at)):
            yield f"is {cell}" if cell else "is missing", len(at), LABELS[int(number > 0)]
    if name in NUMBERS:
        yield from _pure_ends(column, paid)


def _pure_ends(column: Sequence[str], paid: np.ndarray) -> Iterator[tuple[str, int, str]]:
    """Give the longest runs of one outcome at both ends of a column in order; rows of equal value stay together."""
    known = np.array([place for place, cell in enumerate(column) if cell], dtype=np.intp)
    if not len(known):
        return
    numbers = np.array([float(column[place]) for place in known])
    for sign, words in ((1, "is at most"), (-1, "is at least")):
        order = np.argsort(sign * numbers, kind="stable")
        values, outcomes = numbers[order], paid[known[order]]
        other = np.flatnonzero(outcomes != outcomes[0])
        end = int(other[0]) if len(other) else len(values)
        while 0 < end < len(values) and values[end - 1] == values[end]:
            end -= 1
        if end:
            yield f"{words} {values[end - 1]:g}", end, LABELS[int(outcomes[0])]


def refuse_too_good(loans: Loans, auc: float, limit: float, shares: dict[str, float]) -> None:
    """Raises: LeakFound when cross-validation does better than anybody can."""
    if auc > limit:
        name, share = max(shares.items(), key=lambda one: one[1])
        label = sum(loans.outcomes())
        raise LeakFound(
            f"{loans.source}: ROC-AUC {auc:.3f} is above {limit:.2f}, so something gives the outcome away in the "
            f"{len(loans.rows)} rows ({label} Fully Paid); {name} does most of the work ({share:.0%})"
        )
