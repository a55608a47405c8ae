"""What our PDFs have in common: a page with its number, and text in any script. Needs no Django."""

import json
import logging
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

# DejaVu covers Latin, Greek, Cyrillic, Armenian, Georgian, Arabic, Hebrew and some emoji; its licence allows embedding.
# It comes with matplotlib, which comes with catboost. What it has no glyph for is shown as a box, not left out.
FONT = "DejaVu"
FILES = {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf"}
GREY, BLACK = 110, 0
BOX = "\u25a1"
UNSEEN = {"Cf", "Mn", "Me"}  # formatting and combining characters: without a glyph they are nothing by themselves
# Scripts that run from right to left or whose letters change their form: the others are laid out three times as fast.
_SHAPED = re.compile("[\u0590-\u0fff\u1780-\u17ff\u200d-\u200f\ufb1d-\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Page(FPDF):
    def footer(self) -> None:
        self.set_y(-12)
        self.set_font(FONT, "", 8)
        self.set_text_color(GREY)
        self.cell(0, 6, f"{self.page_no()} / {{nb}}", align="C")


def new_page(*, title: str, about: Iterable[str], made_at: str) -> Page:
    """Return a document whose first page begins with a title and lines about it."""
    page = Page(format="A4")
    fonts = _fonts()
    for style, file in FILES.items():
        page.add_font(FONT, style, fonts / file)
    page.set_title(title)
    page.set_creator("Ease")
    page.set_creation_date(datetime.fromisoformat(made_at))
    page.set_auto_page_break(True, margin=18)
    page.add_page()
    write(page, title, style="B", size=14)
    for text in about:
        write(page, text, size=9, colour=GREY)
    return page


def write(page: Page, text: str, *, style: str = "", size: float, colour: int = BLACK) -> None:
    """Write a paragraph over the whole width."""
    text = styled(page, text, style=style, size=size, colour=colour)
    page.multi_cell(0, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def styled(page: Page, text: str, *, style: str = "", size: float, colour: int = BLACK) -> str:
    """Set font and colour, and return the text with nothing in it that the font cannot show."""
    text = _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\t", "    "))
    page.set_font(FONT, style, size)
    glyphs = page.current_font.cmap  # type: ignore[union-attr]
    text = "".join(_seen(char) if ord(char) not in glyphs and char != "\n" else char for char in text)
    page.set_text_color(colour)
    page.set_text_shaping(bool(_SHAPED.search(text)))
    return text


def serve(draw: Callable[[dict[str, Any], Iterator[dict[str, Any]]], bytes]) -> None:
    """Draw what standard input says: a head, then lines, each a line of JSON. The PDF goes to standard output."""
    logging.getLogger("fpdf").setLevel(logging.ERROR)  # It warns of each glyph that no font has.
    lines = (json.loads(line) for line in sys.stdin.buffer)
    sys.stdout.buffer.write(draw(next(lines), lines))


def _seen(char: str) -> str:
    return "" if unicodedata.category(char) in UNSEEN else BOX


def _fonts() -> Path:
    found = find_spec("matplotlib")  # Found, not imported: that would take longer than drawing most transcripts.
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("matplotlib's fonts are not installed")
    return Path(found.submodule_search_locations[0]) / "mpl-data" / "fonts" / "ttf"
