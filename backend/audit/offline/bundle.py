"""The verifier as auditors get it: one file, made of the modules that Ease itself verifies with."""

from functools import cache
from pathlib import Path

PARTS = ("chain.py", "signatures.py", "verify.py")
_FUTURE = "from __future__ import annotations\n"


@cache
def verifier() -> str:
    """Return the text of `verify.py`, complete: the modules one after the other, without importing one another."""
    texts = [(Path(__file__).parent / name).read_text(encoding="utf-8") for name in PARTS]
    opening = texts[-1][: texts[-1].index(_FUTURE)]
    bodies = [_body(text) for text in texts]
    return opening + _FUTURE + "".join(bodies)


def _body(text: str) -> str:
    after = text[text.index(_FUTURE) + len(_FUTURE) :]
    return "".join(line for line in after.splitlines(keepends=True) if not line.startswith("from backend."))
