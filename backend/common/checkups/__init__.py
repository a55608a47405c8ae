"""What `manage.py doctor` looks at: each check says what is wrong and what to do about it, and changes nothing.

Slices register theirs in `AppConfig.ready()`. A check that fails itself is trouble, too, and hides no other.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from django.db import connection

from backend.common.encryption import MasterKeys


class Level(IntEnum):
    FINE = 0
    WARNING = 1
    TROUBLE = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw. `advice` is for people who must act; none where nothing need be done."""

    level: Level
    words: str
    advice: str = ""


Check = Callable[[], Iterable[Finding]]

# Which versions a column of envelopes (common/envelopes.py) was sealed with: the column, the table.
VERSIONS = "SELECT DISTINCT encode(substring({} FROM 2 FOR 6), 'hex') FROM {}"

_checks: dict[str, Check] = {}
_uses_of_keys: dict[str, list[str]] = {}


def fine(words: str) -> Finding:
    return Finding(Level.FINE, words)


def warning(words: str, advice: str) -> Finding:
    return Finding(Level.WARNING, words, advice)


def trouble(words: str, advice: str) -> Finding:
    return Finding(Level.TROUBLE, words, advice)


def examine(name: str, check: Check) -> None:
    _checks[name] = check


def uses_key(name: str, versions_sql: str) -> None:
    """Have the doctor see that each version of a key that rows were sealed with is still configured."""
    _uses_of_keys.setdefault(name, []).append(versions_sql)


def examined() -> dict[str, list[Finding]]:
    """Run every check, in the order in which they were registered."""
    return {name: _outcome(check) for name, check in _checks.items()}


def versions_missing(name: str, texts: Iterable[str]) -> set[str]:
    """Return the versions of a master key that rows need and the configuration lacks."""
    known = {MasterKeys((text,)).newest for text in texts}
    used: set[str] = set()
    with connection.cursor() as cursor:
        for sql in _uses_of_keys.get(name, ()):
            cursor.execute(sql)
            used.update(version for (version,) in cursor.fetchall() if version)
    return used - known


def _outcome(check: Check) -> list[Finding]:
    try:
        return list(check())
    except Exception as fault:  # noqa: BLE001 - a check that fails must not hide the others
        words = str(fault).strip().splitlines() or [""]
        return [trouble(f"could not be looked at: {type(fault).__name__}: {words[0]}", "See to what is above first.")]
