"""Reading an answer as it streams: what may be shown of it already, which articles it cites, whether it knows.

The prompts ask for `[1]` behind what an article says, and for the one word `UNKNOWN` where none does.
"""

import re

from backend.assistant.redaction import PLACEHOLDER, Mask

UNKNOWN = "UNKNOWN"
TEXT_MAX = 4000

_MARK = re.compile(r"(?P<blank>[ \t]?)\[(?P<number>\d{1,2})\]")
_TOKEN = re.compile(rf"{PLACEHOLDER.pattern}|{_MARK.pattern}")
# The end of a piece that may be the beginning of a placeholder or a mark.
_BEGUN = re.compile(r"(?:[ \t]?\[\d{0,2}|[ \t]|\[\[[A-Z]{0,10}|\[\[[A-Z]{1,10}_\d{0,5}|\[\[[A-Z]{1,10}_\d{1,5}\])\Z")


class Reader:
    """Turns the pieces of one answer into text for people.

    `sources` is how many articles could be cited; `keep_marks` leaves `[1]` in the text, for readers who get the list.
    """

    def __init__(self, mask: Mask, *, sources: int, keep_marks: bool) -> None:
        self.cited: list[int] = []
        self.length = 0
        self._mask = mask
        self._sources = sources
        self._keep_marks = keep_marks
        self._held = ""
        self._began = False

    @property
    def knows(self) -> bool:
        """Whether anything was answered at all."""
        return self._began

    def feed(self, piece: str) -> str:
        """Take a piece in; return what can be shown now."""
        self._held += piece
        if not self._began:
            if UNKNOWN.startswith(self._held.strip()[: len(UNKNOWN)]):
                return ""
            self._began, self._held = True, self._held.lstrip()
        begun = _BEGUN.search(self._held)
        cut = begun.start() if begun else len(self._held)
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._shown(ready)

    def finish(self) -> str:
        """Return what was held back, now that nothing follows."""
        rest, self._held = self._held, ""
        if not self._began:
            said = rest.strip()
            if not said or said.startswith(UNKNOWN):
                return ""
            self._began = True
        return self._shown(rest)

    def _shown(self, text: str) -> str:
        shown = _TOKEN.sub(self._token, text)
        self.length += len(shown)
        return shown

    def _token(self, found: "re.Match[str]") -> str:
        if found[1]:
            return self._mask.value_of(found[1])
        number = int(found["number"])
        if not 1 <= number <= self._sources:
            return ""  # An article that it was not given: no citation at all.
        if number not in self.cited:
            self.cited.append(number)
        return found[0] if self._keep_marks else ""
