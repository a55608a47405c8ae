"""The prompts: files in `prompts/`, `<name>.v<number>.md`. A file never changes once it was used; the newest counts.

Which one answered stands in the audit trail, so an answer can be traced to the words that asked for it.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "prompts"
_NAME = re.compile(r"(?P<name>\w+)\.v(?P<number>\d+)\.md")


@dataclass(frozen=True, slots=True)
class Prompt:
    name: str
    number: int
    text: str

    @property
    def version(self) -> str:
        return f"{self.name}.v{self.number}"


@cache
def prompt(name: str) -> Prompt:
    """Return the newest version of a prompt. Raises: LookupError."""
    found = [_NAME.fullmatch(path.name) for path in FOLDER.iterdir()]
    numbers = [int(match["number"]) for match in found if match and match["name"] == name]
    if not numbers:
        raise LookupError(f"there is no prompt called {name}")
    path = FOLDER / f"{name}.v{max(numbers)}.md"
    return Prompt(name, max(numbers), path.read_text().strip())
