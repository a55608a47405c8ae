"""Taking personal data out of what leaves the house, and putting it back into what comes.

SSNs, account and card numbers, e-mail addresses, phone numbers and postal addresses become placeholders such as
`[[CARD_1]]`; the same value is the same placeholder, so a model can still tell them apart. Rather too much than too
little: six digits in a row, however they are written, leave nobody's computer; amounts, dates and times stay.
Matching goes by a plain view of the text, in which every digit, dash and blank of Unicode is its ASCII twin.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from backend.assistant.patterns import ADDRESSES, AMOUNT, CONTEXT, DATE, EMAILS, IBAN, NUMBER, SSN_BEFORE

PLACEHOLDER = re.compile(r"\[\[([A-Z]{1,10}_\d{1,5})\]\]")
GONE = "…"  # in the place of a placeholder that the model made up

_DIGIT_WORDS = {
    word: str(number)
    for words in (
        "zero one two three four five six seven eight nine",
        "oh",
        "null eins zwei drei vier fünf sechs sieben acht neun",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
    )
    for number, word in enumerate(words.split())
}
# What a number is by how it was called.
_NAMED = {
    **dict.fromkeys(("card", "karte", "cvv", "cvc"), "CARD"),
    **dict.fromkeys(("ssn", "social security"), "SSN"),
}


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    end: int
    kind: str


class Mask:
    """What was taken out of one request. Lives as long as the request, in memory alone."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def hide(self, text: str) -> str:
        """Return the text with placeholders for what is personal in it."""
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
        view = plain(text)
        parts, at = [], 0
        for span in _spans(view):
            parts += [text[at : span.start], self._placeholder(span.kind, text[span.start : span.end], view, span)]
            at = span.end
        return "".join([*parts, text[at:]])

    def show(self, text: str) -> str:
        """Return the text with the values back in their places."""
        return PLACEHOLDER.sub(lambda found: self.value_of(found[1]), text)

    def value_of(self, name: str) -> str:
        return self._values.get(name, GONE)

    @property
    def count(self) -> int:
        """How many different values were taken out."""
        return len(self._values)

    def _placeholder(self, kind: str, value: str, view: str, span: _Span) -> str:
        key = kind, re.sub(r"[\W_]+", "", view[span.start : span.end]).casefold()
        name = self._names.get(key)
        if name is None:
            number = self._counts[kind] = self._counts.get(kind, 0) + 1
            name = self._names[key] = f"{kind}_{number}"
            self._values[name] = value
        return f"[[{name}]]"


def plain(text: str) -> str:
    """Return the text with a plain twin for each character that has one; positions stay."""
    return "".join(_twin(character) for character in text) if not text.isascii() else text


def _twin(character: str) -> str:
    if character.isascii():
        return character
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if category == "Pd" or character == "−":
        return "-"
    if category == "Zs":
        return " "
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


def _spans(view: str) -> list[_Span]:
    """Return what is personal, in order and without overlaps; of two that overlap the first pattern names the kind."""
    taken: list[_Span] = []
    for find in _FINDERS:
        for span in find(view):
            taken = _with(taken, span)
    return sorted(taken, key=lambda span: span.start)


def _with(taken: list[_Span], span: _Span) -> list[_Span]:
    crossed = [other for other in taken if other.start < span.end and span.start < other.end]
    if not crossed:
        return [*taken, span]
    merged = _Span(
        min(span.start, *(other.start for other in crossed)),
        max(span.end, *(other.end for other in crossed)),
        crossed[0].kind,
    )
    return [*(other for other in taken if other not in crossed), merged]


def _literal(view: str) -> Iterator[_Span]:
    """What only looks like a placeholder: somebody typed it, and must not get another's value for it."""
    for found in PLACEHOLDER.finditer(view):
        yield _Span(found.start(), found.end(), "TEXT")


def _emails(view: str) -> Iterator[_Span]:
    for pattern in EMAILS:
        for found in pattern.finditer(view):
            yield _Span(found.start(), found.end(), "EMAIL")


def _ibans(view: str) -> Iterator[_Span]:
    for found in IBAN.finditer(view):
        compact = re.sub(r"[^A-Za-z0-9]", "", found[0])
        if 15 <= len(compact) <= 34 and sum(character.isdigit() for character in compact) >= 8:
            yield _Span(found.start(), found.end(), "ACCOUNT")


def _addresses(view: str) -> Iterator[_Span]:
    for pattern in ADDRESSES:
        for found in pattern.finditer(view):
            group = 1 if found.re.groups else 0
            yield _Span(found.start(group), found.end(group), "ADDRESS")


def _named(view: str) -> Iterator[_Span]:
    """What somebody calls an account, a card, a PIN: also when it is short, or has letters in it."""
    for found in CONTEXT.finditer(view):
        if any(character.isdigit() for character in found["value"]):
            yield _Span(found.start("value"), found.end("value"), _NAMED.get(found["what"].lower(), "ACCOUNT"))


def _numbers(view: str) -> Iterator[_Span]:
    for pattern in (AMOUNT, DATE):
        view = pattern.sub(lambda kept: "x" * len(kept[0]), view)
    for found in NUMBER.finditer(view):
        start, end = found.span()
        digits = _digits_of(found["digits"])
        if len(digits) >= 6:
            yield _Span(start, end, _kind_of(found["digits"], digits, view[max(0, start - 30) : start]))


def _digits_of(written: str) -> str:
    return "".join(
        part if part.isdigit() else _DIGIT_WORDS.get(part.casefold(), "")
        for part in re.findall(r"\d|[^\W\d_]+", written)
    )


def _kind_of(written: str, digits: str, before: str) -> str:
    if re.search(SSN_BEFORE, before) or re.fullmatch(r"\d{3}\D+\d{2}\D+\d{4}", written):
        return "SSN"
    if written.startswith(("+", "00", "0", "(")) or re.fullmatch(r"1?\D*\d{3}\D+\d{3}\D+\d{4}", written):
        return "PHONE"
    if 13 <= len(digits) <= 19 and _is_card(digits):
        return "CARD"
    return "ACCOUNT"


def _is_card(digits: str) -> bool:
    """Luhn's check."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + at % 2)
        total += number - 9 * (number > 9)
    return total % 10 == 0


_FINDERS: tuple[Callable[[str], Iterator[_Span]], ...] = (_literal, _emails, _ibans, _addresses, _named, _numbers)
