"""Migrations may run while the release before serves: each rule is broken here once, and the product breaks none."""

import pytest
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models.functions import Lower, Now

from backend.common.migration_lint import findings, looked_at, on_record


@pytest.fixture
def state():
    """A schema in use: accounts with a few columns, and people whom they belong to."""
    made = ProjectState()
    made.add_model(ModelState("bank", "Person", [("id", models.BigAutoField(primary_key=True))]))
    fields = [
        ("id", models.BigAutoField(primary_key=True)),
        ("number", models.CharField(max_length=20)),
        ("note", models.CharField(max_length=20, null=True)),
        ("owner", models.BigIntegerField(null=True)),
    ]
    made.add_model(ModelState("bank", "Account", fields))
    return made


def _found(state, *operations, **attributes):
    made = type("Migration", (migrations.Migration,), {"operations": list(operations), **attributes})
    return [finding.rule for finding in looked_at(made("0002_change", "bank"), state)]


def _add(field, name="added"):
    return migrations.AddField("account", name, field)


POSITIVE = models.CheckConstraint(condition=models.Q(id__gt=0), name="positive")
OF_NUMBER = models.Index(fields=["number"], name="of_number")


@pytest.mark.parametrize(
    ("operation", "rule"),
    [
        (_add(models.CharField(max_length=5, default="")), "add-not-null"),
        (_add(models.CharField(max_length=5, null=True, unique=True)), "add-unique"),
        (_add(models.CharField(max_length=5, null=True, db_index=True)), "add-index"),
        (_add(models.ForeignKey("bank.Person", models.PROTECT, null=True)), "add-foreign-key"),
        (
            _add(models.GeneratedField(expression=Lower("number"), output_field=models.TextField(), db_persist=True)),
            "rewrite",
        ),
        (migrations.AlterField("account", "note", models.CharField(max_length=20)), "set-not-null"),
        (migrations.AlterField("account", "number", models.CharField(max_length=10)), "alter-column"),
        (migrations.AlterField("account", "number", models.BigIntegerField()), "alter-column"),
        (migrations.AlterField("account", "number", models.CharField(max_length=20, unique=True)), "add-unique"),
        (migrations.RemoveField("account", "note"), "drop"),
        (migrations.DeleteModel("account"), "drop"),
        (migrations.RenameField("account", "note", "memo"), "rename"),
        (migrations.RenameModel("account", "purse"), "rename"),
        (migrations.AlterModelTable("account", "purses"), "rename"),
        (migrations.AddIndex("account", OF_NUMBER), "add-index"),
        (migrations.AddConstraint("account", POSITIVE), "add-constraint"),
        (
            migrations.AddConstraint("account", models.UniqueConstraint(fields=["number"], name="one")),
            "add-unique",
        ),
        (migrations.RunSQL("CREATE UNIQUE INDEX one ON account (number)", migrations.RunSQL.noop), "add-index"),
        (migrations.RunSQL("ALTER TABLE a ALTER COLUMN b TYPE bigint", migrations.RunSQL.noop), "alter-column"),
        (migrations.RunSQL("ALTER TABLE a ALTER b SET NOT NULL", migrations.RunSQL.noop), "alter-column"),
        (migrations.RunSQL("UPDATE account SET note = ''", migrations.RunSQL.noop), "change-rows"),
        (migrations.RunSQL("ALTER TABLE account DROP COLUMN note", migrations.RunSQL.noop), "drop"),
        (migrations.RunSQL("LOCK TABLE account", migrations.RunSQL.noop), "lock-table"),
        (migrations.RunSQL("SELECT 1"), "no-way-back"),
        (migrations.RunPython(lambda apps, editor: None), "no-way-back"),
        (
            migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("account", "note")]),
            "drop",
        ),
    ],
)
def test_what_would_hurt_is_found(state, operation, rule):
    assert _found(state, operation) == [rule]


def test_rows_and_schema_are_not_changed_in_one_migration(state):
    both = _add(models.TextField(null=True)), migrations.RunPython(lambda apps, editor: None, migrations.RunPython.noop)

    assert _found(state, *both) == ["mixed"]


@pytest.mark.parametrize(
    "operation",
    [
        _add(models.TextField(null=True)),
        _add(models.CharField(max_length=5, db_default="")),
        _add(models.DateTimeField(db_default=Now())),
        _add(models.ForeignKey("bank.Person", models.PROTECT, null=True, db_constraint=False, db_index=False)),
        migrations.AlterField("account", "number", models.CharField(max_length=40)),
        migrations.AlterField("account", "number", models.TextField()),
        migrations.AlterField("account", "number", models.CharField(max_length=20, null=True)),
        AddIndexConcurrently("account", OF_NUMBER),
        AddConstraintNotValid("account", POSITIVE),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("account", "note")]),
        migrations.RunSQL(
            "CREATE FUNCTION f() RETURNS void AS $$ UPDATE account SET note = 'x' $$ LANGUAGE sql; -- DROP TABLE it",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL("CREATE INDEX CONCURRENTLY of_number ON account (number)", migrations.RunSQL.noop),
        migrations.RunPython(lambda apps, editor: None, migrations.RunPython.noop),
    ],
)
def test_what_adds_without_a_long_lock_is_let_through(state, operation):
    assert _found(state, operation) == []


def test_a_constraint_is_validated_by_itself(state):
    assert _found(state, AddConstraintNotValid("account", POSITIVE)) == []
    assert _found(state, ValidateConstraint("account", "positive")) == []


def test_a_table_that_the_migration_makes_is_nobodys_yet(state):
    made = migrations.CreateModel("Card", [("id", models.BigAutoField(primary_key=True))])
    more = migrations.AddField("card", "code", models.CharField(max_length=4, default=""))

    assert _found(state, made, more, migrations.AddIndex("card", models.Index(fields=["code"], name="c"))) == []


def test_what_is_right_all_the_same_says_why(state):
    gone = migrations.RemoveField("account", "note")

    assert _found(state.clone(), gone, accepted={"drop": "nobody reads it since release 7"}) == []
    assert _found(state.clone(), gone, accepted={"drop": " "}) == ["drop"]
    assert _found(state.clone(), gone, accepted={"rename": "another rule"}) == ["drop"]


def test_the_product_has_none_but_those_on_record():
    new = [
        f"{finding.migration}: {finding.rule}: {finding.words}"
        for finding in findings()
        if finding.line not in on_record()
    ]

    assert new == []
