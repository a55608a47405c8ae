"""Personal values beside the trail: masked, committed to, erased without breaking a proof (E-COMP-4, issue 04)."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import DatabaseError

from backend.audit.actions import action_type_of, describe
from backend.audit.exporting import export_lines
from backend.audit.models import AuditDetail, AuditLog
from backend.audit.offline.chain import ERASED, detail_hash_of
from backend.audit.offline.verify import verify_export
from backend.audit.services import record
from backend.audit.services.erasing import erase_details
from backend.audit.tests.attacker import attack
from backend.audit.tests.settling import newest_row, run
from backend.audit.values import HIDDEN
from backend.audit.verification import verify
from backend.common import hooks
from backend.common.request_context import RequestContext, entered
from backend.common.unit_of_work import unit_of_work

User = apps.get_model("identity", "User")


@pytest.mark.django_db
def test_values_are_kept_apart_and_the_row_commits_to_them():
    record(actor_id=7, action="user.changed", subject_id=8, old={"name": "Ana"}, new={"name": "Bea"})

    number = newest_row()
    row, detail = AuditLog.objects.get(pk=number), AuditDetail.objects.get(pk=number)
    assert (detail.subject_id, detail.values) == (8, {"old": {"name": "Ana"}, "new": {"name": "Bea"}})
    text = json.dumps(detail.values, sort_keys=True, separators=(",", ":"))
    assert row.detail_hash.hex() == detail_hash_of(detail.salt.hex(), text)
    assert "Ana" not in str(AuditLog.objects.values())


@pytest.mark.django_db
def test_the_same_values_twice_have_nothing_in_common():
    for _ in range(2):
        record(actor_id=7, action="user.changed", new={"name": "Bea"})

    assert len(set(AuditLog.objects.values_list("detail_hash", flat=True))) == 2


@pytest.mark.django_db
def test_secrets_are_masked_wherever_they_stand():
    new = {
        "password": "swordfish",
        "ssn": 123456789,
        "card": {"card_number": "4111", "name": "Ana"},
        "has_token": True,
        "otp": "",
    }
    record(actor_id=7, action="user.changed", new=new)

    detail = AuditDetail.objects.get()
    assert detail.values["new"] == {
        "password": HIDDEN,
        "ssn": HIDDEN,
        "card": {"card_number": HIDDEN, "name": "Ana"},
        "has_token": HIDDEN,
        "otp": "",
    }
    assert "swordfish" not in str(AuditDetail.objects.values())


@pytest.mark.django_db
def test_what_no_database_takes_is_replaced():
    """BUG-S2-20: an odd header must not turn a request into a 500."""
    with entered(RequestContext("r", None, "odd\x00agent\ud800")):
        record(actor_id=7, action="x.done", facts={"a\x00": ["\ud800", 1.5, float("nan")]}, new={"at": Decimal("1.10")})

    row = AuditLog.objects.get()
    assert row.user_agent == "odd\ufffdagent\ufffd"
    assert row.facts == {"a\ufffd": ["\ufffd", 1.5, "nan"]}
    assert AuditDetail.objects.get().values["new"] == {"at": "1.10"}


@pytest.mark.django_db
def test_whom_a_row_is_about(make_user):
    user = make_user()
    record(actor_id=7, action="user.changed", target=user, new={"name": "Bea"})
    about_user = newest_row()
    record(actor_id=7, action="thing.done", new={"name": "Bea"})
    about_actor = newest_row()
    record(actor_id=7, action="thing.done", old={}, new={})
    nothing = newest_row()

    assert list(AuditLog.objects.filter(pk__gte=about_user).order_by("id").values_list("subject_id", flat=True)) == [
        user.pk,
        None,
        None,
    ]
    assert dict(AuditDetail.objects.values_list("row_id", "subject_id")) == {about_user: user.pk, about_actor: 7}
    assert AuditLog.objects.get(pk=nothing).detail_hash is None


def test_erasing_a_person_breaks_no_proof(trail, tmp_path):
    """Their values go, the others' stay; a row says which went, and every row proves what it proved."""
    before = {row.pk: (row.digest, row.detail_hash) for row in AuditLog.objects.all()}
    others = list(AuditDetail.objects.exclude(subject_id=2).order_by("pk").values())
    theirs = sorted(AuditDetail.objects.filter(subject_id=2).values_list("pk", flat=True))

    erase_details(hooks.Erasure(2, "Former customer"))
    erase_details(hooks.Erasure(2, "Former customer"))
    run()

    said = AuditLog.objects.get(action=ERASED)
    assert (said.actor_id, said.subject_id, said.facts, said.action_type) == (2, 2, {"rows": theirs}, "DELETE")
    assert len(theirs) == 4
    assert list(AuditDetail.objects.order_by("pk").values()) == others
    assert {row.pk: (row.digest, row.detail_hash) for row in AuditLog.objects.exclude(pk=said.pk)} == before
    assert verify().findings == []
    path = tmp_path / "export.ndjson"
    path.write_bytes(b"".join(export_lines(values=True)))
    assert verify_export(str(path))[1] == []
    attack("DELETE FROM audit_detail WHERE subject_id = 3")
    assert {(finding.kind, finding.seq) for finding in verify().findings} == {("missing", n) for n in (3, 6, 9, 12)}


def test_erasing_is_whole_or_not_at_all(trail):
    with pytest.raises(ValueError, match="no"), unit_of_work():
        erase_details(hooks.Erasure(2, "Former customer"))
        raise ValueError("no")

    assert AuditDetail.objects.count() == 12
    with pytest.raises(DatabaseError, match="only grows"):
        AuditDetail.objects.all().delete()


@pytest.mark.django_db
def test_a_person_gets_what_the_trail_has_of_them():
    """What they did with where from; what others did about them without; nothing of anybody else."""
    with entered(RequestContext("r", "192.0.2.1", "ease/1")):
        record(actor_id=7, action="user.changed", subject_id=7, old={"name": "Ana"}, new={"name": "Bea"})
        record(actor_id=9, action="user.changed", subject_id=7, new={"name": "Cea"})
        record(actor_id=7, action="user.changed", subject_id=9, new={"name": "Dea"})
        record(actor_id=9, action="user.changed", subject_id=9, new={"name": "Eea"})
    parts = {}

    hooks.person_exported(hooks.Export(7, lambda name, rows: parts.setdefault(name, list(rows))))

    rows = parts["audit/trail.json"]
    assert [(row["by_you"], row["ip_address"], row["values"]) for row in rows] == [
        (True, "192.0.2.1", {"old": {"name": "Ana"}, "new": {"name": "Bea"}}),
        (False, None, {"old": None, "new": {"name": "Cea"}}),
        (True, "192.0.2.1", None),
    ]
    assert datetime.fromisoformat(rows[0]["at"]).tzinfo == UTC
    json.dumps(rows)


@pytest.mark.parametrize(
    ("action", "word"),
    [
        ("session.opened", "LOGIN"),
        ("session.revoked", "LOGOUT"),
        ("user.password_changed", "PASSWORD_CHANGE"),
        ("role.assigned", "ROLE_ASSIGN"),
        ("kyc.approved", "KYC_APPROVE"),
        ("kyc.rejected", "KYC_REJECT"),
        ("account.locked", "ACCOUNT_LOCK"),
        ("account.unlocked", "ACCOUNT_UNLOCK"),
        ("kyc.document_uploaded", "DOCUMENT_UPLOAD"),
        ("user.registered", "CREATE"),
        ("chat.taken", "UPDATE"),
        ("user.deleted", "DELETE"),
        ("audit.viewed", ""),
        ("kyc.document_viewed", ""),
        ("chat.member_added", "CREATE"),
        ("chat.member_removed", "DELETE"),
    ],
)
def test_s2_has_its_word_for_it(action, word):
    """S2-M5."""
    assert action_type_of(action) == word


def test_a_row_can_be_said_in_words():
    assert describe("user.password_changed", "identity.user", "7") == "User password changed: user 7"
    assert describe("retention.ran", "", "") == "Retention ran"
    assert describe("user.changed", "identity.user", "7", ["name"]) == "User changed: user 7 (name)"
