"""The rules, one function for each kind of operation. Each yields the rule's name and what it says to people."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, RemoveIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

Broken = Iterator[tuple[str, str]]

SCHEMA = (
    migrations.AddField,
    migrations.AlterField,
    migrations.RemoveField,
    migrations.AddIndex,
    migrations.AddConstraint,
    migrations.CreateModel,
)
# In the text of SQL that somebody wrote: what rewrites or scans a table under a lock, or changes all rows at once.
_SQL = {
    "add-index": re.compile(r"\bCREATE\s+(UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)", re.IGNORECASE),
    "alter-column": re.compile(
        r"\bALTER\s+(COLUMN\s+)?\"?\w+\"?\s+(SET\s+DATA\s+)?(TYPE\b|SET\s+NOT\s+NULL)", re.IGNORECASE
    ),
    "change-rows": re.compile(r"^\s*(UPDATE\s+\w+\s+SET|DELETE\s+FROM)\b", re.IGNORECASE | re.MULTILINE),
    "drop": re.compile(r"\bDROP\s+(TABLE|COLUMN)\b", re.IGNORECASE),
    "lock-table": re.compile(r"\bLOCK\s+TABLE\b", re.IGNORECASE),
}


def judge(operation: Operation, migration: Migration, state: ProjectState, *, existing: Collection[Any]) -> Broken:
    """Return what is wrong with an operation, given the models before the migration and those before the operation."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from judge(inner, migration, state, existing=existing)
        return
    if isinstance(operation, migrations.RunPython | migrations.RunSQL):
        yield from _free(operation, migration)
        return
    if not _touches_existing(operation, migration.app_label, existing):
        return
    for kind, rule in _RULES.items():
        if isinstance(operation, kind):
            yield from rule(operation, migration.app_label, state)
            return


def _touches_existing(operation: Operation, app: str, existing: Collection[Any]) -> bool:
    name = getattr(operation, "model_name", None) or getattr(operation, "old_name", None)
    name = name or getattr(operation, "name", "")
    return (app, str(name).lower()) in existing


def _add_field(operation: Any, app: str, state: ProjectState) -> Broken:
    field = operation.field
    where = f"{operation.model_name}.{operation.name}"
    if field.many_to_many:
        return
    if isinstance(field, models.GeneratedField):
        yield "rewrite", f"{where} is computed for every row under a lock: keep it by a trigger, or fill it in batches"
    elif not field.null and not field.has_db_default():
        yield "add-not-null", f"{where} has no db_default: the release before inserts without it"
    if field.unique:
        yield "add-unique", f"{where} is unique: add it without, then a unique index by AddIndexConcurrently's way"
    elif field.remote_field and field.db_constraint:
        yield "add-foreign-key", f"{where} is validated under locks on both tables: db_constraint first, NOT VALID"
    elif field.db_index:
        yield "add-index", f"{where} is indexed while nobody may write: AddIndexConcurrently in a migration of its own"


def _alter_field(operation: Any, app: str, state: ProjectState) -> Broken:
    where = f"{operation.model_name}.{operation.name}"
    before = state.models[app, operation.model_name.lower()].fields[operation.name]
    after = operation.field
    if before.null and not after.null:
        yield "set-not-null", f"{where}: a CHECK NOT VALID, validated, then SET NOT NULL, which needs no scan"
    if not _is_wider(before, after):
        yield "alter-column", f"{where} changes its type: a new column, written by both, then the old one goes"
    if after.unique and not before.unique:
        yield "add-unique", f"{where} becomes unique under a lock: a unique index, made concurrently, first"
    if after.remote_field and after.db_constraint and not (before.remote_field and before.db_constraint):
        yield "add-foreign-key", f"{where} is validated under locks on both tables"


def _is_wider(before: Any, after: Any) -> bool:
    """Whether a column becomes the other without being rewritten: the same type, or a longer text."""
    if before.remote_field or after.remote_field:
        return bool(before.remote_field) == bool(after.remote_field)
    old, new = before.db_type(connection), after.db_type(connection)
    if old == new:
        return True
    if isinstance(before, models.CharField) and isinstance(after, models.CharField | models.TextField):
        longest = getattr(after, "max_length", None)
        return longest is None or (before.max_length is not None and longest >= before.max_length)
    return False


def _gone(operation: Any, app: str, state: ProjectState) -> Broken:
    yield "drop", f"{operation.describe()}: the release before still reads it; state first, database a release later"


def _renamed(operation: Any, app: str, state: ProjectState) -> Broken:
    if getattr(operation, "table", None) is None and operation.__class__.__name__ == "RenameModel":
        yield "rename", f"{operation.describe()}: the release before asks for the old name; keep db_table"
    elif isinstance(operation, migrations.RenameField | migrations.AlterModelTable):
        yield "rename", f"{operation.describe()}: the release before asks for the old name; keep db_column or db_table"


def _index(operation: Any, app: str, state: ProjectState) -> Broken:
    if not isinstance(operation, AddIndexConcurrently | RemoveIndexConcurrently):
        yield "add-index", f"{operation.describe()}: nobody may write meanwhile; AddIndexConcurrently, atomic = False"


def _constraint(operation: Any, app: str, state: ProjectState) -> Broken:
    if isinstance(operation, AddConstraintNotValid):
        return
    if isinstance(operation.constraint, models.CheckConstraint):
        yield "add-constraint", f"{operation.describe()}: AddConstraintNotValid, then ValidateConstraint by itself"
    else:
        yield (
            "add-unique",
            f"{operation.describe()}: its index is made under a lock; concurrently first, then USING INDEX",
        )


def _free(operation: Any, migration: Migration) -> Broken:
    """SQL and Python say themselves what they do, so only their text can be asked."""
    if not operation.reversible:
        yield "no-way-back", f"{operation.__class__.__name__} cannot be taken back: give it a reverse, or noop"
    if isinstance(operation, migrations.RunPython):
        mixed = [other for other in migration.operations if isinstance(other, SCHEMA)]
        if mixed:
            yield "mixed", "rows are changed in the transaction that holds the schema's locks: a migration of its own"
        return
    text = operation.sql if isinstance(operation.sql, str) else "\n".join(map(str, operation.sql or ()))
    outside = re.sub(r"\$(\w*)\$.*?\$\1\$", "", re.sub(r"--[^\n]*", "", text), flags=re.DOTALL)  # not inside functions
    for rule, pattern in _SQL.items():
        found = pattern.search(outside)
        if found:
            yield rule, f"SQL says {' '.join(found[0].split())}"


Rule = Callable[[Any, str, ProjectState], Broken]
_RULES: dict[type[Operation], Rule] = {
    migrations.AddField: _add_field,
    migrations.AlterField: _alter_field,
    migrations.RemoveField: _gone,
    migrations.DeleteModel: _gone,
    migrations.RenameField: _renamed,
    migrations.RenameModel: _renamed,
    migrations.AlterModelTable: _renamed,
    migrations.AddIndex: _index,
    migrations.AddConstraint: _constraint,
}
