"""Draws a transcript: `python -m backend.support.transcript_pdf` reads JSON lines and writes a PDF.

A process of its own (common/drawing.py starts it). It needs no Django and sees nothing but its input.

The first line of the input is the head: `title`, `about` (lines of text) and `made_at`. Each further one is something
said: `who`, `at`, `text`, and `grey` for what is not anybody's words.
"""

from collections.abc import Iterable
from typing import Any

from backend.common.paper import GREY, new_page, serve, write

NAME_NOT_BELOW = 262  # millimetres: a name stays with what was said


def draw(head: dict[str, Any], lines: Iterable[dict[str, Any]]) -> bytes:
    """Return the PDF."""
    page = new_page(title=head["title"], about=head["about"], made_at=head["made_at"])
    for line in lines:
        page.ln(2.5)
        if line["grey"]:
            write(page, f"{line['at']}  {line['text']}", size=8.5, colour=GREY)
            continue
        if page.get_y() > NAME_NOT_BELOW:
            page.add_page()
        write(page, line["who"], style="B", size=9.5)
        write(page, line["at"], size=8, colour=GREY)
        write(page, line["text"], size=10)
    return bytes(page.output())


if __name__ == "__main__":
    serve(draw)
