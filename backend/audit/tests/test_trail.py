"""The trail: no write without its row, no row without its write (design.md section 8)."""

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from backend.audit.models import AuditLog, SecurityEvent
from backend.audit.services import raise_security_event, record
from backend.common import hooks
from backend.common.request_context import RequestContext, entered
from backend.common.unit_of_work import unit_of_work

# An object of any model can be a target; the slice that has this one is above us.
Role = apps.get_model("identity", "Role")


@pytest.mark.django_db
def test_a_row_says_who_did_what_to_which_object_from_where():
    role = Role.objects.get(name="AUDITOR")
    with entered(RequestContext("r", "2001:db8::1", "ease/1")):
        record(actor_id=7, action="role.edited", target=role, facts={"field": "description"})

    row = AuditLog.objects.get()
    assert (row.actor_id, row.action, row.target_type, row.target_id) == (
        7,
        "role.edited",
        "identity.role",
        str(role.pk),
    )
    assert (row.ip_address, row.user_agent, row.facts) == ("2001:db8::1", "ease/1", {"field": "description"})
    assert row.at.utcoffset().total_seconds() == 0
    assert str(row) == f"role.edited identity.role {role.pk}"


@pytest.mark.django_db
def test_a_row_without_target_request_or_actor_is_possible():
    record(actor_id=None, action="retention.ran")

    row = AuditLog.objects.get()
    assert (row.actor_id, row.target_type, row.target_id, row.ip_address, row.user_agent, row.facts) == (
        None,
        "",
        "",
        None,
        "",
        {},
    )
    assert str(row) == "retention.ran"


@pytest.mark.django_db
def test_rows_are_read_newest_first():
    for number in range(3):
        record(actor_id=number, action="thing.done")

    assert list(AuditLog.objects.values_list("actor_id", flat=True)) == [2, 1, 0]


def test_a_row_outside_of_a_transaction_is_refused(committed):
    with pytest.raises(RuntimeError, match="transaction"):
        record(actor_id=7, action="thing.done")

    assert AuditLog.objects.count() == 0


def test_a_write_that_is_undone_leaves_no_row(committed):
    def attempt() -> None:
        with unit_of_work():
            Role.objects.create(name="T1")
            record(actor_id=7, action="role.created")
            raise_security_event(event_type="TEST", description="test")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        attempt()

    assert Role.objects.filter(name="T1").count() == 0
    assert AuditLog.objects.count() == 0
    assert SecurityEvent.objects.count() == 0


def test_a_row_that_cannot_be_stored_undoes_the_write(committed):
    def attempt() -> None:
        with unit_of_work():
            Role.objects.create(name="T1")
            record(actor_id=7, action="x" * 65)

    with pytest.raises(Exception, match="too long"):
        attempt()

    assert Role.objects.filter(name="T1").count() == 0
    assert AuditLog.objects.count() == 0


def test_a_write_and_its_row_appear_together(committed):
    with unit_of_work():
        Role.objects.create(name="T1")
        record(actor_id=7, action="role.created")

    assert Role.objects.filter(name="T1").count() == 1
    assert AuditLog.objects.get().action == "role.created"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, hooks.SecurityNotice]]:
    """What a listener hears, and whether that is in the transaction."""
    notices: list[tuple[bool, hooks.SecurityNotice]] = []
    monkeypatch.setattr(hooks.security_event, "_listeners", [])
    hooks.security_event.register(lambda notice: notices.append((connection.in_atomic_block, notice)))
    return notices


@pytest.mark.django_db
def test_a_security_event_is_stored_and_told_in_the_same_transaction(heard):
    with entered(RequestContext("r", "192.0.2.1", "ease/1")):
        event = raise_security_event(
            event_type="SUSPICIOUS_ACTIVITY",
            description="Odd.",
            user_id=7,
            severity=SecurityEvent.Severity.HIGH,
            metadata={"kind": "test"},
        )

    row = SecurityEvent.objects.get()
    assert (row.event_type, row.description, row.user_id, row.severity) == ("SUSPICIOUS_ACTIVITY", "Odd.", 7, "HIGH")
    assert (row.ip_address, row.user_agent, row.metadata, row.resolved) == (
        "192.0.2.1",
        "ease/1",
        {"kind": "test"},
        False,
    )
    assert heard == [
        (True, hooks.SecurityNotice(event.pk, "SUSPICIOUS_ACTIVITY", "HIGH", 7, {"kind": "test"})),
    ]
    assert str(row) == "SUSPICIOUS_ACTIVITY HIGH"


@pytest.mark.django_db
def test_a_security_event_is_of_medium_weight_unless_told_otherwise(heard):
    raise_security_event(event_type="FAILED_LOGIN", description="Wrong password.")

    row = SecurityEvent.objects.get()
    assert (row.severity, row.user_id, row.metadata) == ("MEDIUM", None, {})
    assert [notice.severity for _, notice in heard] == ["MEDIUM"]


def test_a_listener_that_fails_undoes_the_event(committed, monkeypatch):
    def refuse(notice: hooks.SecurityNotice) -> None:
        raise ValueError("no")

    monkeypatch.setattr(hooks.security_event, "_listeners", [refuse])

    with pytest.raises(ValueError, match="no"), unit_of_work():
        raise_security_event(event_type="TEST", description="test")

    assert SecurityEvent.objects.count() == 0


@pytest.mark.django_db
def test_a_resolved_event_has_its_time():
    raise_security_event(event_type="TEST", description="test")

    with pytest.raises(IntegrityError, match="audit_security_event_resolution_is_whole"), transaction.atomic():
        SecurityEvent.objects.update(resolved=True)

    assert SecurityEvent.objects.get().resolved is False
