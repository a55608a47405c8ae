"""Whether a migration may run while the release before serves: what it locks, and what that release trips over.

A rolling release means that both releases use the new schema for some minutes. So a migration only adds (expand); what
nobody uses any more is taken away by a later release (contract). And no statement may hold a lock on a table in use for
as long as the table is large. `backend/docs/migrations.md` says what to write instead.

Looked at are operations on tables that were there before the migration; a table that it makes is nobody's yet. What is
right all the same says so in the migration: `accepted = {"rule": "why"}`. What was there before the first release, when
no installation had data, is on record in `on_record.txt`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from backend.common.migration_lint.rules import judge

RECORD = Path(__file__).with_name("on_record.txt")
OURS = "backend."


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One operation that would hurt; `rule` is what `accepted` names."""

    migration: str
    rule: str
    words: str

    @property
    def line(self) -> str:
        return f"{self.migration} {self.rule}"


def findings() -> list[Finding]:
    """Look at every migration of ours, in the order in which they run. Needs no database."""
    loader = MigrationLoader(None)
    state = ProjectState()
    found: list[Finding] = []
    for key in _in_order(loader):
        migration = loader.graph.nodes[key]
        ours = type(migration).__module__.startswith(OURS)
        for finding in looked_at(migration, state):
            if ours:
                found.append(finding)
    return found


def looked_at(migration: Migration, state: ProjectState) -> list[Finding]:
    """Return what is wrong with one migration; `state` is what was before, and becomes what is after it."""
    before = set(state.models)
    accepted: dict[str, str] = getattr(migration, "accepted", {})
    name = f"{migration.app_label}.{migration.name}"
    found = []
    for operation in migration.operations:
        for rule, words in judge(operation, migration, state, existing=before):
            if not accepted.get(rule, "").strip():
                found.append(Finding(name, rule, words))
        operation.state_forwards(migration.app_label, state)
    return found


def on_record() -> set[str]:
    return set(RECORD.read_text().split("\n")) - {""} if RECORD.exists() else set()


def _in_order(loader: MigrationLoader) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    leaves: Sequence[Any] = loader.graph.leaf_nodes()
    for leaf in leaves:
        for key in loader.graph.forwards_plan(leaf):
            if key not in seen:
                seen.add(key)
                yield key
