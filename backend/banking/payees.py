"""Whether the name that somebody wrote for a payee is the account's, without saying what that is.

Pure. Names are compared as words: case, accents, punctuation, titles and order do not count. A close match is a small
slip, a missing middle name, or initials for first names; it takes the family name to be there in some spelling, so
that a common first name alone says nothing.
"""

import re
import unicodedata
from difflib import SequenceMatcher
from enum import StrEnum

_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "herr", "frau", "sr", "sra"})
# Letters that no accent separates from their plain form.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ß": "ss", "ı": "i"})
_SLIP = 0.8
_FAMILY_MIN = 3


class PayeeMatch(StrEnum):
    MATCH = "match"
    CLOSE = "close_match"
    NONE = "no_match"


def compare(*, given: str, first_name: str, last_name: str) -> PayeeMatch:
    """Return how well the given name fits the holder's. A holder without a name fits nobody."""
    ours = _words(f"{first_name} {last_name}")
    theirs = _words(given)
    if not ours or not theirs:
        return PayeeMatch.NONE
    if sorted(ours) == sorted(theirs):
        return PayeeMatch.MATCH
    family = _words(last_name) or ours[-1:]
    return PayeeMatch.CLOSE if _is_close(ours, theirs, family) else PayeeMatch.NONE


def _words(text: str) -> list[str]:
    """Return the name's words in their plainest spelling, without titles unless there is nothing else."""
    plain = unicodedata.normalize("NFKD", text.replace("'", "").replace("\u2019", "").casefold().translate(_PLAIN))
    found = _WORD.findall("".join(char for char in plain if not unicodedata.combining(char)))
    return [word for word in found if word not in _TITLES] or found


def _is_close(ours: list[str], theirs: list[str], family: list[str]) -> bool:
    if len(theirs) < 2 or not any(_alike(word, name) for word in theirs for name in family):
        return False
    rest = list(ours)
    for word in theirs:  # Each word stands for one of the holder's: itself, a slip of it, or its initial.
        found = next((name for name in rest if _alike(word, name)), None) or next(
            (name for name in rest if _is_initial(word, name)), None
        )
        if found is None:
            return False
        rest.remove(found)
    return True


def _alike(word: str, name: str) -> bool:
    if word == name:
        return True
    return min(len(word), len(name)) >= _FAMILY_MIN and SequenceMatcher(None, word, name).ratio() >= _SLIP


def _is_initial(word: str, name: str) -> bool:
    return 1 in (len(word), len(name)) and word[0] == name[0]
