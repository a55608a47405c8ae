"""From a file's records to entries: each becomes one, or the reason why not."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from backend.budget.sheets.layout import Layout
from backend.budget.sheets.lines import Record
from backend.budget.sheets.values import read_amount, read_moment, read_time

TEXT_MAX = 100
DATES_KNOWN_MAX = 5000
MIDNIGHT = "00:00:00"
EXPENSE, INCOME = "expense", "income"
KINDS = {
    **dict.fromkeys(("expense", "expenses", "debit", "out", "dr", "withdrawal"), EXPENSE),
    **dict.fromkeys(("income", "incomes", "credit", "in", "cr", "deposit"), INCOME),
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class SheetEntry(NamedTuple):
    """An entry in the forms that PostgreSQL reads."""

    line: int
    kind: str
    title: str
    description: str
    amount: str
    creation_date: str
    creation_time: str
    category_id: str
    subcategory_id: str | None


class BadLine(NamedTuple):
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where entries can go: categories by kind and name in lower case, subcategories by name in lower case."""

    categories: Mapping[tuple[str, str], uuid.UUID]
    subcategories: Mapping[tuple[uuid.UUID, str], uuid.UUID]
    fallback: Mapping[str, tuple[uuid.UUID, uuid.UUID | None]]


class _Bad(Exception):
    """Ends the reading of one record; its text is the reason."""


@dataclass(slots=True)
class EntryReader:
    """Reads records into entries, in order. Knows a file's layout and where its entries can go."""

    layout: Layout
    places: Places
    _moments: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    _homes: dict[tuple[str, str, str], tuple[str, str | None]] = field(default_factory=dict)

    def read(self, found: Iterable[Record]) -> Iterator[SheetEntry | BadLine]:
        for record in found:
            if record.line <= self.layout.header_line:
                continue
            if record.fault:
                yield BadLine(record.line, record.fault)
                continue
            try:
                yield self._entry(record.line, record.fields)
            except _Bad as fault:
                yield BadLine(record.line, str(fault)[:200])

    def _entry(self, line: int, cells: list[str]) -> SheetEntry:
        columns, width = self.layout.columns, self.layout.width
        while len(cells) > width and not cells[-1].strip():
            cells.pop()  # Some programs end each line with a delimiter, but not the header.
        if len(cells) != width:
            raise _Bad(f"{len(cells)} columns instead of {width}.")
        when, clock = self._moment(cells[columns["date"]].strip())
        if "time" in columns:
            clock = self._clock(cells[columns["time"]].strip(), clock)
        kind, amount = self._amount(cells)
        title, description = self._texts(cells)
        category, subcategory = self._home(kind, cells)
        return SheetEntry(line, kind, title, description, amount, when, clock or MIDNIGHT, category, subcategory)

    def _moment(self, text: str) -> tuple[str, str]:
        if text not in self._moments:
            if len(self._moments) >= DATES_KNOWN_MAX:
                self._moments.clear()
            self._moments[text] = read_moment(text, self.layout.date_format)
        found = self._moments[text]
        if found is None:
            raise _Bad(f"“{text[:40]}” is no date of the form {self.layout.date_format}.")
        return found

    def _clock(self, text: str, known: str) -> str:
        if not text:
            return known
        clock = read_time(text)
        if clock is None:
            raise _Bad(f"“{text[:40]}” is no time of day.")
        return clock

    def _amount(self, cells: list[str]) -> tuple[str, str]:
        """Return the kind and the amount."""
        columns = self.layout.columns
        if "amount" in columns:
            text = cells[columns["amount"]].strip()
            amount, is_negative = self._number(text)
            kind = self._kind(cells, is_negative)
        else:
            debit = cells[columns["debit"]].strip() if "debit" in columns else ""
            credit = cells[columns["credit"]].strip() if "credit" in columns else ""
            if bool(debit.strip("0., ")) == bool(credit.strip("0., ")):
                raise _Bad("Either the debit or the credit must have an amount.")
            kind, text = (EXPENSE, debit) if debit.strip("0., ") else (INCOME, credit)
            amount, is_negative = self._number(text)
            if is_negative and kind == INCOME:
                raise _Bad("An income is not negative.")
        if not amount.strip("0."):
            raise _Bad("The amount is zero.")
        return kind, amount

    def _number(self, text: str) -> tuple[str, bool]:
        found = read_amount(text, self.layout.decimal)
        if found is None:
            raise _Bad(f"“{text[:40]}” is no amount of at most 99,999,999.99 with at most two decimal places.")
        return found

    def _kind(self, cells: list[str], is_negative: bool) -> str:
        if "type" in self.layout.columns:
            text = cells[self.layout.columns["type"]].strip()
            kind = KINDS.get(text.lower())
            if kind is None:
                raise _Bad(f"“{text[:40]}” is neither expense nor income.")
            if is_negative and kind == INCOME:
                raise _Bad("An income is not negative.")
            return kind
        return EXPENSE if is_negative else self.layout.unsigned_as

    def _texts(self, cells: list[str]) -> tuple[str, str]:
        columns = self.layout.columns
        title = _words(cells[columns["title"]]) if "title" in columns else ""
        description = _words(cells[columns["description"]]) if "description" in columns else ""
        if not title:
            title, description = description, ""
        if not title:
            raise _Bad("There is no title.")
        return title, description

    def _home(self, kind: str, cells: list[str]) -> tuple[str, str | None]:
        columns = self.layout.columns
        category = cells[columns["category"]].strip() if "category" in columns else ""
        subcategory = cells[columns["subcategory"]].strip() if "subcategory" in columns else ""
        key = (kind, category, subcategory)
        if key not in self._homes:
            if len(self._homes) >= DATES_KNOWN_MAX:
                self._homes.clear()
            self._homes[key] = self._found_home(*key)
        return self._homes[key]

    def _found_home(self, kind: str, category: str, subcategory: str) -> tuple[str, str | None]:
        """Return a category and subcategory by their names; without any, the ones for everything else."""
        if not category and not subcategory:
            return self._fallback(kind)
        found = self.places.categories.get((kind, category.lower()))
        if found is None:
            if self.layout.unknown_categories == "other":
                return self._fallback(kind)
            raise _Bad(f"There is no category of the type {kind} called “{category[:60]}”.")
        if kind == INCOME:
            return str(found), None
        under = self.places.subcategories.get((found, subcategory.lower() or "other"))
        if under is None and self.layout.unknown_categories == "other":
            under = self.places.subcategories.get((found, "other"))
        if under is None:
            raise _Bad(f"“{category[:40]}” has no subcategory called “{(subcategory or 'Other')[:60]}”.")
        return str(found), str(under)

    def _fallback(self, kind: str) -> tuple[str, str | None]:
        category, subcategory = self.places.fallback[kind]
        return str(category), str(subcategory) if subcategory else None


def _words(cell: str) -> str:
    """Return a cell's text, without what our own export puts before formulas, and cut where it must be."""
    text = cell.strip()
    if "\x00" in text:
        raise _Bad("There is a NUL character in the text.")
    if text[:1] == "'" and text.lstrip("'").startswith(FORMULA_STARTS):
        text = text[1:]
    return text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
