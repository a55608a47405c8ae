"""How a file is laid out: what parts its columns, what they hold, how it writes dates and amounts. Found from its
first lines, and corrected by its owner where it was found wrongly."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from backend.budget.sheets.lines import Record, records
from backend.budget.sheets.values import DATE_FORMATS, read_amount, read_moment

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_RECORDS = 200
SHOWN_RECORDS = 10
HEADER_WITHIN = 20
FIT = 0.8  # of a column's values must look like what it is taken for
# Field -> what columns are called that hold it, in words without signs.
NAMES: Mapping[str, Sequence[str]] = {
    "date": (
        *("date", "creation date", "booking date", "transaction date", "posting date", "value date", "completed date"),
        *("started date", "day", "datum", "buchungstag", "buchungsdatum", "fecha"),
    ),
    "time": ("time", "creation time", "uhrzeit", "hora"),
    "title": (
        *("title", "name", "payee", "merchant", "counterparty", "beneficiary", "recipient", "transaction", "narrative"),
        *("empfänger", "auftraggeber empfänger", "concepto"),
    ),
    "description": (
        *("description", "memo", "note", "notes", "details", "reference", "purpose", "verwendungszweck", "comment"),
        "buchungstext",
    ),
    "amount": ("amount", "value", "sum", "betrag", "umsatz", "importe"),
    "debit": ("debit", "withdrawal", "withdrawals", "paid out", "money out", "out", "expense", "soll"),
    "credit": ("credit", "deposit", "deposits", "paid in", "money in", "in", "income", "haben"),
    "type": ("type", "kind"),
    "category": ("category", "kategorie"),
    "subcategory": ("subcategory", "sub category", "unterkategorie"),
}
FIELDS = tuple(NAMES)
_FIELD_OF = {name: one for one, names in NAMES.items() for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`columns` says which column, from 0, holds which field. `unsigned_as` is what an amount without a minus is when
    neither a column of types nor two columns of amounts say it. Lines up to `header_line` hold no entries."""

    delimiter: str = ","
    header_line: int = 0
    header: list[str] = field(default_factory=list)
    width: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    date_format: str = "YYYY-MM-DD"
    date_formats_possible: list[str] = field(default_factory=list)
    decimal: str = "."
    unsigned_as: str = "expense"
    unknown_categories: str = "report"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "missing": self.missing}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Layout":
        return cls(**{name: value for name, value in stored.items() if name != "missing"})

    def changed(self, **changes: Any) -> "Layout":
        return replace(self, **changes)

    @property
    def missing(self) -> list[str]:
        """What must have a column before the file can be loaded."""
        has = self.columns.keys()
        needs = {"date": {"date"}, "title": {"title", "description"}, "amount": {"amount", "debit", "credit"}}
        return [name for name, any_of in needs.items() if not has & any_of]


def detect(head: bytes) -> tuple[Layout, list[list[str]]]:
    """Return the layout of a file that begins like this, and its first records."""
    delimiter = max(DELIMITERS, key=lambda one: _consistency(head, one))
    found = [record for record in _sample(head, delimiter) if not record.fault]
    if not found:
        return Layout(), []
    header = _header(found)
    body = [record.fields for record in found if header is None or record.line > header.line]
    widths = [len(fields) for fields in body] or [len(found[0].fields)]
    width = len(header.fields) if header else max(widths, key=widths.count)
    columns = _named(header.fields) if header else {}
    values = [fields for fields in body if len(fields) >= width]
    possible = _date_formats(values, columns.get("date"))
    decimal = _decimal(values)
    if not _is_known(columns):
        columns = {**_guessed(values, width, decimal), **columns}
    layout = Layout(
        delimiter=delimiter,
        header_line=header.line if header else 0,
        header=header.fields if header else [],
        width=width,
        columns=columns,
        date_format=possible[0] if possible else "YYYY-MM-DD",
        date_formats_possible=possible,
        decimal=decimal,
        unsigned_as="income" if _has_minus(values, columns, decimal) else "expense",
    )
    return layout, [record.fields for record in found[:SHOWN_RECORDS]]


def _header(found: Sequence[Record]) -> Record | None:
    """Return the record that names the columns: banks write their own name and the account's above it. If none has
    names that we know, the first one, unless it already has a date."""
    for record in found[:HEADER_WITHIN]:
        if _is_known(_named(record.fields)):
            return record
    return None if any(_is_moment(cell) for cell in found[0].fields) else found[0]


def _is_known(columns: Mapping[str, int]) -> bool:
    return "date" in columns and bool({"amount", "debit", "credit"} & columns.keys())


def _sample(head: bytes, delimiter: str) -> list[Record]:
    """The first records; the last one is left out if the head ends in it."""
    whole = head if head.endswith(b"\n") or b"\n" not in head else head[: head.rindex(b"\n")]
    found = []
    for record in records([whole], delimiter):
        found.append(record)
        if len(found) == SAMPLE_RECORDS:
            break
    return found


def _consistency(head: bytes, delimiter: str) -> tuple[float, int]:
    """How many records have as many columns as most have; one column is none."""
    widths = [len(record.fields) for record in _sample(head, delimiter) if not record.fault]
    if not widths:
        return 0.0, 0
    usual = max(widths, key=widths.count)
    return (widths.count(usual) / len(widths) if usual > 1 else 0.0), usual


def _named(header: Sequence[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for number, cell in enumerate(header):
        words = " ".join(re.sub(r"\(.*?\)|[^\w]|_", " ", cell.lower()).split())
        name = _FIELD_OF.get(words)
        if name and name not in columns:
            columns[name] = number
    return columns


def _is_moment(cell: str) -> bool:
    return any(read_moment(cell.strip(), name) for name in DATE_FORMATS)


def _date_formats(rows: Sequence[Sequence[str]], column: int | None) -> list[str]:
    """Return the formats that fit most dates of the sample, the best first; two are possible where days stay under
    13. Without a known column, the column that looks most like one counts."""
    columns = [column] if column is not None else range(max(map(len, rows), default=0))
    best: dict[str, float] = {}
    for number in columns:
        cells = [row[number].strip() for row in rows if len(row) > number]
        for name in DATE_FORMATS:
            best[name] = max(best.get(name, 0.0), _share(cells, lambda cell, name=name: read_moment(cell, name)))
    return [name for name in DATE_FORMATS if best.get(name, 0) >= FIT and best[name] == max(best.values())]


def _share(cells: Sequence[str], reads: Any) -> float:
    return sum(1 for cell in cells if reads(cell)) / len(cells) if cells else 0.0


def _decimal(rows: Sequence[Sequence[str]]) -> str:
    """A comma, if more amounts end in a comma and two digits than in a point and two digits."""
    cells = [cell.strip() for row in rows for cell in row]
    commas = sum(1 for cell in cells if re.search(r"[0-9],[0-9]{1,2}\D*$", cell))
    points = sum(1 for cell in cells if re.fullmatch(r"\D{0,4}[0-9][0-9,' ]*\.[0-9]{1,2}\D{0,4}", cell))
    return "," if commas > points else "."


def _guessed(rows: Sequence[Sequence[str]], width: int, decimal: str) -> dict[str, int]:
    """Say by what stands in the columns which of them is the date, the amount and the title."""
    cells = [[row[number].strip() for row in rows] for number in range(width)]
    dates = [number for number in range(width) if _share(cells[number], _is_moment) >= FIT]
    amounts = [
        number
        for number in range(width)
        if number not in dates[:1] and _share(cells[number], lambda cell: read_amount(cell, decimal)) >= FIT
    ]
    with_places = [number for number in amounts if any(decimal in cell for cell in cells[number])]
    taken = {*dates[:1], *(with_places or amounts)[:1]}
    texts = [
        number
        for number in range(width)
        if number not in taken and _share(cells[number], lambda cell: re.search(r"[^\W\d_]{2}", cell)) >= FIT
    ]
    found = {"date": dates[:1], "amount": (with_places or amounts)[:1], "title": texts[:1], "description": texts[1:2]}
    return {name: numbers[0] for name, numbers in found.items() if numbers}


def _has_minus(rows: Sequence[Sequence[str]], columns: Mapping[str, int], decimal: str) -> bool:
    column = columns.get("amount")
    if column is None:
        return False
    read = [read_amount(row[column].strip(), decimal) for row in rows if len(row) > column]
    return any(one is not None and one[1] for one in read)
