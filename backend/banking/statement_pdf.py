"""Draws a statement: `python -m backend.banking.statement_pdf` reads JSON lines and writes a PDF.

A process of its own (common/drawing.py starts it). It needs no Django and sees nothing but its input.

The first line of the input is the head: `title`, `about` (lines of text), `opening` and `closing` balances, `made_at`.
Each further one is what moved: `day`, `words`, `amount`, `balance`.
"""

from collections.abc import Iterable
from typing import Any

from fpdf.enums import XPos, YPos

from backend.common.paper import GREY, Page, new_page, serve, styled

SIZE = 9.0
HEIGHT = 5.2
DAY, AMOUNT, BALANCE = 24.0, 34.0, 36.0
NOT_BELOW = 270  # millimetres: a line stays whole


def draw(head: dict[str, Any], lines: Iterable[dict[str, Any]]) -> bytes:
    """Return the PDF."""
    page = new_page(title=head["title"], about=head["about"], made_at=head["made_at"])
    page.ln(4)
    _line(page, "Date", "What", "Amount", "Balance", style="B")
    _line(page, "", "Opening balance", "", head["opening"], style="B")
    for line in lines:
        _line(page, line["day"], line["words"], line["amount"], line["balance"])
    _line(page, "", "Closing balance", "", head["closing"], style="B")
    return bytes(page.output())


def _line(page: Page, day: str, words: str, amount: str, balance: str, *, style: str = "") -> None:
    """Write a row of the table. Its words may need several lines; the amounts stand at the first of them."""
    if page.get_y() > NOT_BELOW:
        page.add_page()
    words_width = page.epw - DAY - AMOUNT - BALANCE
    page.cell(DAY, HEIGHT, styled(page, day, style=style, size=SIZE, colour=GREY))
    left, top = page.get_x(), page.get_y()
    sheet = page.page_no()
    page.set_xy(left + words_width, top)
    page.cell(AMOUNT, HEIGHT, styled(page, amount, style=style, size=SIZE), align="R")
    page.cell(BALANCE, HEIGHT, styled(page, balance, style=style, size=SIZE), align="R")
    page.set_xy(left, top)
    text = styled(page, words, style=style, size=SIZE)
    page.multi_cell(words_width, HEIGHT, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    if page.page_no() == sheet:
        page.set_y(max(page.get_y(), top + HEIGHT))


if __name__ == "__main__":
    serve(draw)
