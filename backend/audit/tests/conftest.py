from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backend.audit.services import record
from backend.audit.services.sealing import sign_checkpoint
from backend.audit.tests.settling import newest_row, seal
from backend.common.unit_of_work import unit_of_work
from backend.tests.commits import committed  # noqa: F401 - a fixture

ROWS = 12


@pytest.fixture
def checkpoints(settings: Any, tmp_path: Path) -> Path:
    """Checkpoints of this test's own."""
    settings.AUDIT_CHECKPOINTS = str(tmp_path / "checkpoints.jsonl")
    return tmp_path / "checkpoints.jsonl"


@pytest.fixture
def write() -> Callable[..., list[int]]:
    """Commit rows, each in a transaction of its own; return their numbers."""

    def write_rows(count: int = 1, **facts: Any) -> list[int]:
        numbers = []
        for number in range(count):
            with unit_of_work():
                record(**{"actor_id": 7, "action": "thing.done", "facts": {"n": number}, **facts})
            numbers.append(newest_row())
        return numbers

    return write_rows


@pytest.fixture
def trail(committed: str, checkpoints: Path, write: Callable[..., list[int]]) -> list[int]:  # noqa: F811
    """Twelve sealed rows with values about the persons 1 to 3, and checkpoints at 4, 8 and 12; their numbers."""
    numbers = []
    for number in range(ROWS):
        numbers += write(1, action="user.changed", subject_id=number % 3 + 1, new={"name": f"Name {number}"})
    for _ in range(3):
        assert seal(limit=4) == 4
        sign_checkpoint()
    return numbers
