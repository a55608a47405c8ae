"""Reading loan files, and making honest data of them.

Both oddities of the published set give the outcome away: an amount of 99999999 stands in fully paid loans only, a
credit score ten times too large in charged-off ones only. The score is cured by dividing; the amount is not, since a
blank would tell as much, so those rows are left out. Repeated loan ids are all fully paid: one row each is kept.
"""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ml.columns import (
    AMOUNT,
    COLUMNS,
    CUSTOMER_ID,
    FEATURES,
    FULLY_PAID,
    JOB_YEARS,
    LABELS,
    LOAN_ID,
    NUMERIC,
    PLACEHOLDER_AMOUNT,
    SCORE,
    SCORE_MAX,
    STATUS,
)
from ml.errors import BadData
from ml.inference.encoding import is_missing
from ml.training.params import Params

Row = dict[str, str]
NUMBERS = tuple(name for name in NUMERIC if name != JOB_YEARS)


@dataclass(frozen=True)
class Loans:
    """Rows as text, missing cells empty; and what was found while reading and cleaning."""

    source: str
    sha256: str
    rows: Sequence[Row]
    labelled: bool
    counts: dict[str, int] = field(default_factory=dict)

    def column(self, name: str) -> list[str]:
        return [row[name] for row in self.rows]

    def columns(self) -> dict[str, list[str]]:
        return {name: self.column(name) for name in FEATURES}

    def outcomes(self) -> list[int]:
        """Return 1 for each fully paid loan (S0-B11)."""
        return [int(row[STATUS] == FULLY_PAID) for row in self.rows]


def read_loans(path: Path, *, labelled: bool = True) -> Loans:
    """Read a file of the 19 columns, in any order; `labelled=False` takes one without outcomes, too.

    Raises: BadData, naming the file and the line: missing, no text, other columns, a bad cell, no row.
    """
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise BadData(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{path}: is not UTF-8 text") from error
    reader = csv.reader(lines)
    header = _header(path, reader, labelled)
    rows, blank = [], 0
    for cells in reader:
        if all(is_missing(cell) for cell in cells):
            blank += 1
        else:
            rows.append(_row(path, reader.line_num, header, cells))
    if not rows:
        raise BadData(f"{path}: has a header and no rows")
    counts = {"rows": len(rows), "blank rows skipped": blank}
    return Loans(str(path), hashlib.sha256(content).hexdigest(), rows, STATUS in header, counts)


def _header(path: Path, reader: Iterator[list[str]], labelled: bool) -> list[str]:
    header = [name.strip() for name in next(reader, [])]
    if not header:
        raise BadData(f"{path}: is empty")
    wanted = [name for name in COLUMNS if labelled or name != STATUS]
    if missing := [name for name in wanted if name not in header]:
        raise BadData(f"{path}: has other columns: it lacks {', '.join(missing)}")
    if twice := [name for name, number in Counter(header).items() if number > 1]:
        raise BadData(f"{path}: has columns twice: {', '.join(twice)}")
    return header


def _row(path: Path, line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(header):
        raise BadData(f"{path}, line {line}: has {len(cells)} cells, and the header {len(header)}")
    found = {name: "" if is_missing(cell) else cell.strip() for name, cell in zip(header, cells, strict=True)}
    row = {name: found.get(name, "") for name in COLUMNS}
    for name in NUMBERS:
        if row[name] and not _is_number(row[name]):
            raise BadData(f"{path}, line {line}: {name} is no number: {row[name][:40]!r}")
    if STATUS in header and row[STATUS] not in LABELS:
        raise BadData(f"{path}, line {line}: {STATUS} must be one of {', '.join(LABELS)}, not {row[STATUS][:40]!r}")
    return row


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def clean(loans: Loans, params: Params) -> Loans:
    """Return honest rows with counts of what was done. Raises: BadData when too little is left to learn from."""
    rows: Sequence[Row] = loans.rows
    counts = dict(loans.counts)
    if params.remove_repeats:
        rows = list(_once(rows, counts))
    if params.exclude_placeholders:
        kept = [row for row in rows if not has_placeholder(row)]
        counts["placeholder amounts left out"] = len(rows) - len(kept)
        rows = kept
    if params.repair_scores:
        counts["ten-fold scores repaired"] = sum(has_tenfold_score(row) for row in rows)
        rows = [_repaired(row) if has_tenfold_score(row) else row for row in rows]
    counts["rows kept"] = len(rows)
    return replace(loans, rows=rows, counts=counts)


def has_placeholder(row: Row) -> bool:
    return bool(row[AMOUNT]) and float(row[AMOUNT]) == PLACEHOLDER_AMOUNT


def has_tenfold_score(row: Row) -> bool:
    return bool(row[SCORE]) and float(row[SCORE]) > SCORE_MAX


def _repaired(row: Row) -> Row:
    return {**row, SCORE: f"{float(row[SCORE]) / 10:g}"}


def _once(rows: Iterable[Row], counts: dict[str, int]) -> Iterator[Row]:
    """Give one row for each loan: the fullest without oddities. Loans with two outcomes are given up."""
    loans: defaultdict[str, list[Row]] = defaultdict(list)
    for number, row in enumerate(rows):
        loans[row[LOAN_ID] or f"without id {number}"].append(row)
    counts["repeated loan ids removed"] = counts["loans of two outcomes removed"] = 0
    for same in loans.values():
        if len({row[STATUS] for row in same}) > 1:
            counts["loans of two outcomes removed"] += len(same)
            continue
        counts["repeated loan ids removed"] += len(same) - 1
        yield min(same, key=lambda row: (has_placeholder(row) or has_tenfold_score(row), list(row.values()).count("")))


def check_enough(loans: Loans, params: Params) -> None:
    """Raises: BadData when there is nothing to learn: few rows, one outcome, too few customers for the folds."""
    found = Counter(row[STATUS] for row in loans.rows)
    fewest = params.folds * 10
    if len(loans.rows) < fewest:
        raise BadData(f"{loans.source}: {len(loans.rows)} usable rows are too few: at least {fewest} are needed")
    if len(found) < 2:
        raise BadData(
            f"{loans.source}: all {len(loans.rows)} usable rows are {next(iter(found))}: nothing to tell apart"
        )
    if min(found.values()) < params.folds * 2:
        label, number = min(found.items(), key=lambda one: one[1])
        raise BadData(f"{loans.source}: only {number} rows are {label}: at least {params.folds * 2} are needed")


def customers(loans: Loans) -> list[str]:
    """Return whose loan each row is; a row without a customer is its own."""
    return [row[CUSTOMER_ID] or f"row {number}" for number, row in enumerate(loans.rows)]
