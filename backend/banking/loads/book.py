"""A bank's existing book as CSV: S0-O6's columns by name, in any order, among others or not.

One line is one row: a customer, an account, a loan. Byte order mark, CRLF, quoted cells, `NA`, `n/a` and blanks are
understood, rows without anything passed over. What is odd about published rows (a score above 850, an amount of
99999999) is data: whoever learns from it repairs it (ml/).
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from backend.banking.loads.cells import NULL, Known, Reader, amounts, choices, counts, is_missing, needed, plain, words
from backend.banking.loads.lines import BadLine
from backend.banking.models import HomeOwnership, JobYears, LoanStatus, Term

LINE_MAX = 8 * 1024
INT_MAX, BIGINT_MAX = 2**31 - 1, 2**63 - 1
STATUS = "Loan Status"
UNLABELLED = "nobody knows how these loans ended. --unlabelled takes them as PENDING."

_MONEY, _COUNT, _BIG = amounts(18), counts(INT_MAX), counts(BIGINT_MAX)
# In the order of the columns of the tables (services/loads/books.py).
CUSTOMER: dict[str, Reader] = {
    "Credit Score": _MONEY,
    "Annual Income": _BIG,
    "Years in current job": choices(JobYears.values, is_needed=False),
    "Home Ownership": choices(HomeOwnership.values, is_needed=False),
    "Years of Credit History": amounts(3),
    "Number of Open Accounts": _COUNT,
    "Number of Credit Problems": _COUNT,
    "Bankruptcies": _COUNT,
    "Tax Liens": _COUNT,
}
ACCOUNT: dict[str, Reader] = {
    "Monthly Debt": _MONEY,
    "Current Credit Balance": _MONEY,
    "Maximum Open Credit": _BIG,
    "Months since last delinquent": _COUNT,
}
LOAN: dict[str, Reader] = {
    "Current Loan Amount": needed(amounts(18, least="0.01")),
    "Term": choices(Term.values, is_needed=True),
    "Purpose": words(255),
}
READERS = {**CUSTOMER, **ACCOUNT, **LOAN}
ENDED = choices(LoanStatus.values, is_needed=True)
UNDECIDED = choices(LoanStatus.values, is_needed=False)


class Header(Exception):
    """The first line does not name the columns that are needed. In words."""


class BookRow(NamedTuple):
    """A good line: the cells of its customer and its account as COPY reads them, and of its loan.

    `status` is null for a loan that has not ended.
    """

    line: int
    customer: str
    account: str
    amount: str
    term: str
    purpose: str
    status: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a line which column is. `width` is how many cells a line has."""

    places: tuple[int, ...]
    status: int | None
    width: int
    is_undecided: bool

    @classmethod
    def of(cls, line: bytes, *, is_undecided: bool) -> "Layout":
        """Read the first line. `is_undecided` takes loans without a status, too. Raises: Header."""
        try:
            names = [name.strip() for name in _cells(line.decode("utf-8"))]
        except (UnicodeDecodeError, csv.Error):
            raise Header("The first line is no line of a CSV file in UTF-8.") from None
        found: dict[str, int] = {}
        for place, name in enumerate(names):
            if name and found.setdefault(plain(name), place) != place:
                raise Header(f"The column {name!r} stands in the first line twice.")
        missing = [name for name in READERS if plain(name) not in found]
        if missing:
            raise Header(f"The first line names no {', '.join(repr(name) for name in missing)}.")
        status = found.get(plain(STATUS))
        if status is None and not is_undecided:
            raise Header(f"The first line names no {STATUS!r}: {UNLABELLED}")
        return cls(tuple(found[plain(name)] for name in READERS), status, len(names), is_undecided)


def read(lines: Iterable[tuple[int, bytes | None]], layout: Layout) -> Iterator[BookRow | BadLine | None]:
    """Return what each line is; None for one without anything in it."""
    columns = [
        (place, name, Known(reader)) for place, (name, reader) in zip(layout.places, READERS.items(), strict=True)
    ]
    if layout.status is not None:
        columns.append((layout.status, STATUS, Known(UNDECIDED if layout.is_undecided else ENDED)))
    for number, raw in lines:
        if raw is None:
            yield BadLine(number, f"it is longer than {LINE_MAX} bytes.")
            continue
        try:
            text = raw.decode()
            cells = text.split(",") if '"' not in text else _cells(text)
        except (UnicodeDecodeError, csv.Error) as fault:
            yield BadLine(number, _unreadable(fault))
            continue
        try:
            found = [known[cells[place]] for place, _, known in columns]
        except (ValueError, IndexError):
            found = []
        if found and len(cells) == layout.width:
            status = found[16] if layout.status is not None else NULL
            yield BookRow(number, "\t".join(found[:9]), "\t".join(found[9:13]), found[13], found[14], found[15], status)
        else:
            yield _bad(number, cells, columns, layout)


def _bad(
    number: int, cells: Sequence[str], columns: Sequence[tuple[int, str, Known]], layout: Layout
) -> BadLine | None:
    """Return what is wrong with a line, all of it; None if there is nothing in it."""
    if all(map(is_missing, cells)):
        return None
    if len(cells) != layout.width:
        return BadLine(number, f"it has {len(cells)} cells, the first line {layout.width}.")
    faults = {}
    for place, name, known in columns:
        try:
            known[cells[place]]
        except ValueError as fault:
            faults[name] = [str(fault)]
    return BadLine(number, faults)


def _cells(text: str) -> list[str]:
    return next(csv.reader((text,), strict=True, skipinitialspace=True), [])


def _unreadable(fault: Exception) -> str:
    if isinstance(fault, UnicodeDecodeError):
        return "it is not UTF-8 text."
    return "a quote is opened and not closed." if "end of data" in str(fault) else "a quote stands inside of a cell."
