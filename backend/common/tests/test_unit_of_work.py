"""design.md section 1: one transaction for a use case, its events appended once, as its last statement."""

from collections.abc import Sequence

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from backend.common import unit_of_work as module
from backend.common.unit_of_work import Draft, Statement, UnitOfWork, defer, register_appender, unit_of_work
from backend.tests.commits import in_parallel

Role = apps.get_model("identity", "Role")
Event = apps.get_model("realtime", "Event")
ROLE_MADE = """INSERT INTO identity_role (name, description, permissions, is_active, created_at)
    VALUES (%s, '', '[]', true, now())"""
ANOTHER_ROLE = Statement(ROLE_MADE, ["T2"])
NEWS = {"topics": ["test.one"], "kind": "noted", "payload": {"n": 1}}


@pytest.fixture
def appended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, list[Draft]]]:
    """What the appender was given, and whether that happened inside the transaction."""
    calls: list[tuple[bool, list[Draft]]] = []

    def append(drafts: Sequence[Draft], before: Sequence[Statement]) -> None:
        calls.append((connection.in_atomic_block, list(drafts)))

    monkeypatch.setattr(module, "_appenders", [])
    register_appender(append)
    return calls


def roles_seen_by_others() -> set[str]:
    """The names of the roles that are committed, besides the seeded ones."""
    (names,) = in_parallel(lambda: set(Role.objects.values_list("name", flat=True)))
    return names - {"CUSTOMER", "SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR"}


def test_events_are_appended_once_at_the_end_of_the_transaction(committed, appended):
    with unit_of_work() as unit:
        unit.emit(topics=["test.b", "test.a"], kind="noted", payload={"n": 1}, author_id=7)
        unit.emit(topics=["test.a"], kind="closed", payload={"n": 2})
        during = list(appended)

    assert during == []
    assert appended == [
        (
            True,
            [
                Draft("test.b", "noted", {"n": 1}, 7),
                Draft("test.a", "noted", {"n": 1}, 7),
                Draft("test.a", "closed", {"n": 2}, None),
            ],
        )
    ]


def test_a_unit_without_events_appends_nothing(committed, appended):
    with unit_of_work():
        Role.objects.create(name="T1")

    assert appended == []
    assert roles_seen_by_others() == {"T1"}


def test_an_inner_unit_joins_the_outer_one(committed, appended):
    with unit_of_work() as outer:
        with unit_of_work() as inner:
            Role.objects.create(name="T1")
            inner.emit(**NEWS)
        seen_after_inner = roles_seen_by_others()
        appended_after_inner = list(appended)

    assert inner is outer
    assert seen_after_inner == set()
    assert appended_after_inner == []
    assert roles_seen_by_others() == {"T1"}
    assert [len(drafts) for _, drafts in appended] == [1]


def test_a_failed_unit_keeps_nothing_and_tells_nobody(committed, appended):
    def attempt() -> None:
        with unit_of_work() as unit:
            Role.objects.create(name="T1")
            unit.emit(**NEWS)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        attempt()

    assert appended == []
    assert roles_seen_by_others() == set()


def test_a_failed_inner_unit_fails_the_whole_even_when_its_fault_is_caught(committed, appended):
    def attempt() -> None:
        with unit_of_work() as unit:
            Role.objects.create(name="T1")
            unit.emit(**NEWS)
            with pytest.raises(ValueError, match="no"), unit_of_work():
                raise ValueError("no")

    with pytest.raises(TransactionManagementError):
        attempt()

    assert appended == []
    assert roles_seen_by_others() == set()


def test_events_that_cannot_be_stored_undo_the_write(committed, monkeypatch):
    def refuse(drafts: Sequence[Draft], before: Sequence[Statement]) -> None:
        raise ValueError("no")

    monkeypatch.setattr(module, "_appenders", [])
    register_appender(refuse)

    def attempt() -> None:
        with unit_of_work() as unit:
            Role.objects.create(name="T1")
            unit.emit(**NEWS)

    with pytest.raises(ValueError, match="no"):
        attempt()

    assert roles_seen_by_others() == set()


def test_the_last_appender_named_is_the_one_asked(committed, appended):
    others: list[Sequence[Draft]] = []
    register_appender(lambda drafts, before: others.append(drafts))

    with unit_of_work() as unit:
        unit.emit(**NEWS)

    assert appended == []
    assert len(others) == 1


def test_a_unit_refuses_to_run_inside_a_plain_transaction(committed, appended):
    """Its events could outlive the rollback of what is around it."""
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"), unit_of_work():
        Role.objects.create(name="T1")

    assert appended == []
    assert roles_seen_by_others() == set()


def test_a_unit_after_a_failed_one_starts_afresh(committed, appended):
    units: list[UnitOfWork] = []

    def attempt() -> None:
        with unit_of_work() as unit:
            units.append(unit)
            unit.emit(**NEWS)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        attempt()
    with unit_of_work() as unit:
        unit.emit(topics=["test.two"], kind="noted", payload={})

    assert units[0] is not unit
    assert [[draft.topic for draft in drafts] for _, drafts in appended] == [["test.two"]]


def test_a_unit_opened_by_what_runs_after_the_commit_is_its_own(committed, appended):
    """A job at once, for instance: its events are not lost with the unit that is over."""

    def follow_up() -> None:
        with unit_of_work() as unit:
            unit.emit(topics=["test.two"], kind="noted", payload={"n": 2})

    with unit_of_work() as unit:
        unit.emit(**NEWS)
        transaction.on_commit(follow_up)

    assert [(inside, [draft.topic for draft in drafts]) for inside, drafts in appended] == [
        (True, ["test.one"]),
        (True, ["test.two"]),
    ]


def test_units_of_two_threads_do_not_meet(committed, appended):
    def write(name: str) -> None:
        with unit_of_work() as unit:
            Role.objects.create(name=name)
            unit.emit(topics=[f"test.{name}"], kind="noted", payload={})

    with unit_of_work() as unit:
        outcomes = in_parallel(lambda: write("T1"), lambda: write("T2"))
        own_drafts = list(unit.drafts)

    assert outcomes == [None, None]
    assert own_drafts == []
    assert sorted(draft.topic for _, drafts in appended for draft in drafts) == ["test.T1", "test.T2"]
    assert roles_seen_by_others() == {"T1", "T2"}


def test_stored_events_are_gone_with_the_transaction(committed):
    """The registered appender, for real: what is rolled back was never told."""
    with unit_of_work() as unit:
        unit.emit(**NEWS)

    def attempt() -> None:
        with unit_of_work():
            with unit_of_work() as inner:
                inner.emit(**NEWS)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        attempt()

    assert list(Event.objects.values_list("topic__key", "seq", "kind", "payload")) == [
        ("test.one", 1, "noted", {"n": 1})
    ]


def test_a_deferred_statement_goes_with_the_events_in_one_round_trip(committed):
    with CaptureQueriesContext(connection) as asked, unit_of_work() as unit:
        unit.emit(**NEWS)
        assert defer(ANOTHER_ROLE)

    (with_role,) = [query["sql"] for query in asked if "identity_role" in query["sql"]]
    assert "EXECUTE realtime_append" in with_role
    assert roles_seen_by_others() == {"T2"}
    assert Event.objects.filter(topic__key="test.one").count() == 1


def test_a_deferred_statement_needs_no_event(committed):
    with unit_of_work():
        assert defer(ANOTHER_ROLE)

    assert roles_seen_by_others() == {"T2"}


def test_what_may_be_rolled_back_alone_is_not_deferred(committed):
    """A savepoint takes back what was written in it; a statement kept for later would come through."""
    with unit_of_work(), transaction.atomic():
        assert not defer(ANOTHER_ROLE)
    assert not defer(ANOTHER_ROLE)

    assert roles_seen_by_others() == set()


def test_a_deferred_statement_that_fails_undoes_the_unit(committed):
    def attempt() -> None:
        with unit_of_work() as unit:
            Role.objects.create(name="T1")
            unit.emit(**NEWS)
            defer(Statement(ROLE_MADE, ["CUSTOMER"]))

    with pytest.raises(IntegrityError):
        attempt()

    assert roles_seen_by_others() == set()
    assert not Event.objects.exists()


def test_a_unit_that_fails_sends_no_deferred_statement(committed):
    def attempt() -> None:
        with unit_of_work():
            defer(ANOTHER_ROLE)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        attempt()

    assert roles_seen_by_others() == set()
