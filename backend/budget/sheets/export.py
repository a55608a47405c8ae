"""Writing entries as a table that spreadsheets open and that our own import reads back."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from backend.budget.sheets.entries import FORMULA_STARTS

HEADER = ("date", "time", "type", "title", "description", "amount", "category", "subcategory")


def csv_pieces(pieces: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Return the lines, piece by piece. The rows are those of `selectors.entries.all_entries`.

    A cell that a spreadsheet would take for a formula gets an apostrophe in front, which makes it text.
    """
    yield _lines([HEADER]).encode()
    for rows in pieces:
        yield _lines(
            (when, clock, kind, _text(title), _text(description), amount, _text(category), _text(subcategory))
            for when, clock, _, kind, title, description, amount, category, subcategory in rows
        ).encode()


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue()


def _text(value: str) -> str:
    return f"'{value}" if value.lstrip("'").startswith(FORMULA_STARTS) else value
