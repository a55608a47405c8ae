"""Who reads the audit trail, and what they see (S2-R11, S2-R15, K-24; BUG-S2-2: it crashed)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import transaction
from rest_framework_api_key.models import APIKey

from backend.audit.models import AuditDetail, AuditLog
from backend.audit.offline.verify import verify_export
from backend.audit.services import record
from backend.audit.services.erasing import erase_details
from backend.audit.services.sealing import sign_checkpoint
from backend.audit.tests.settling import newest_row, run
from backend.common import hooks
from backend.common.request_context import RequestContext, entered
from backend.identity.models import User
from backend.identity.services import api_keys

LIST, ADMIN, EXPORT = "/api/audit-logs/", "/api/admin/audit-logs/", "/api/audit-logs/export/"


@pytest.fixture
def auditor(make_user, client_of):
    return client_of(make_user("AUDITOR"))


@pytest.fixture
def ana(make_user):
    return make_user(first_name="Ana", username="ana_s")


def recorded(**facts):
    record(**facts)
    return newest_row()


def renamed(ana, *, actor_id=None, ip="192.0.2.1"):
    with entered(RequestContext("r", ip, "ease/1")):
        record(
            actor_id=ana.pk if actor_id is None else actor_id,
            action="user.changed",
            target=ana,
            facts={"fields": ["first_name"]},
            old={"first_name": "Ana"},
            new={"first_name": "Bea"},
        )
    return AuditLog.objects.get(pk=newest_row())


@pytest.mark.django_db
@pytest.mark.parametrize("path", [LIST, ADMIN])
def test_a_row_has_the_contracts_fields(path, auditor, ana):
    row = renamed(ana)

    body = auditor.get(path, {"subject_id": ana.pk, "action": "user.changed"}).json()

    assert {name: body[name] for name in ("count", "next", "previous", "total_pages", "next_cursor")} == {
        "count": 1,
        "next": None,
        "previous": None,
        "total_pages": 1,
        "next_cursor": None,
    }
    assert body["results"] == [
        {
            "log_id": str(row.log_id),
            "action_type": "UPDATE",
            "action": "user.changed",
            "user": {"id": ana.pk, "username": "ana_s", "customer_id": ana.customer_id},
            "user_id": ana.pk,
            "subject_id": ana.pk,
            "target_model": "identity.user",
            "target_id": str(ana.pk),
            "description": f"User changed: user {ana.pk} (first_name)",
            "ip_address": "192.0.2.1",
            "user_agent": "ease/1",
            "timestamp": row.at.isoformat().replace("+00:00", "Z"),
        }
    ]
    assert len(body["results"][0]["log_id"]) <= 50


@pytest.mark.django_db
def test_newest_come_first_by_page_and_by_cursor(auditor, ana):
    numbers = [recorded(actor_id=ana.pk, action="thing.done") for _ in range(5)]
    asked = {"action": "thing.done", "page_size": 2}
    ids = [str(AuditLog.objects.get(pk=number).log_id) for number in reversed(numbers)]

    pages = [auditor.get(LIST, {**asked, "page": page}).json() for page in (1, 2, 3)]
    cursor, walked = "", []
    while cursor is not None:
        page = auditor.get(LIST, {**asked, "cursor": cursor}).json()
        walked += page["results"]
        cursor = page["next_cursor"]
        assert page["count"] is None

    assert [row["log_id"] for page in pages for row in page["results"]] == ids
    assert [(page["previous"], page["next"]) for page in pages] == [(None, 2), (1, 3), (2, None)]
    assert [row["log_id"] for row in walked] == ids
    follows = auditor.get(LIST, {**asked, "cursor": pages[0]["next_cursor"]}).json()
    assert [row["log_id"] for row in follows["results"]] == ids[2:4]


@pytest.mark.django_db
def test_each_filter_narrows(auditor, ana, make_user):
    bob = make_user()
    row, other = renamed(ana), renamed(bob, actor_id=ana.pk)
    record(actor_id=bob.pk, action="role.assigned", target=ana)
    today = datetime.now(UTC).date()

    def found(**asked):
        return [one["log_id"] for one in auditor.get(LIST, {"action": "user.changed", **asked}).json()["results"]]

    both = [str(other.log_id), str(row.log_id)]
    assert found() == both
    assert found(user_id=ana.pk) == both
    assert found(user_id=bob.pk) == []
    assert found(subject_id=bob.pk) == both[:1]
    assert found(target_model="user", target_id=ana.pk) == both[1:]
    assert found(target_model="identity.user") == both
    assert found(target_model="identity.role") == []
    assert found(action_type="update") == both
    assert found(action_type="LOGIN") == []
    assert found(start_date=today, end_date=today) == both
    assert found(start_date=today + timedelta(days=1)) == []
    assert found(end_date=today - timedelta(days=1)) == []
    assert found(start_date=other.at.isoformat()) == both[:1]
    assert found(end_date=other.at.isoformat()) == both[1:]
    words = {one["action"] for one in auditor.get(LIST, {"action": "role"}).json()["results"]}
    assert words == {"role.assigned"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_id", "x"),
        ("user_id", "9" * 30),
        ("subject_id", "-1"),
        ("start_date", "soon"),
        ("end_date", "2026-02-30"),
        ("cursor", "x"),
        ("page", "0"),
        ("page_size", "101"),
    ],
)
def test_what_cannot_be_asked_is_400_by_its_name(name, value, auditor):
    answer = auditor.get(LIST, {name: value})

    assert (answer.status_code, list(answer.json())) == (400, [name])


@pytest.mark.django_db
def test_odd_words_find_nothing(auditor):
    for name in ("action", "action_type", "target_model", "target_id"):
        answer = auditor.get(LIST, {name: "a\x00b" + "x" * 100})
        assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.django_db
def test_a_page_costs_the_same_however_many_rows(auditor, make_user, django_assert_num_queries):
    """The count, the rows, the people in them."""
    auditor.get(LIST)
    for _ in range(30):
        renamed(make_user())
    with django_assert_num_queries(3):
        assert len(auditor.get(LIST, {"page_size": 30}).json()["results"]) == 30
    with django_assert_num_queries(2):
        assert len(auditor.get(LIST, {"page_size": 30, "cursor": ""}).json()["results"]) == 30


@pytest.mark.django_db
def test_an_auditor_sees_values_and_that_is_recorded(auditor, ana):
    row = renamed(ana)

    body = auditor.get(f"{LIST}{row.log_id}/").json()

    assert (body["values"], body["old_values"], body["new_values"]) == (
        "shown",
        {"first_name": "Ana"},
        {"first_name": "Bea"},
    )
    assert (body["facts"], body["digest"], body["seal"]) == ({"fields": ["first_name"]}, row.digest.hex(), None)
    looked = AuditLog.objects.get(action="audit.viewed")
    assert (looked.target_type, looked.target_id, looked.subject_id) == ("audit.auditlog", str(row.pk), ana.pk)
    assert User.objects.get(pk=looked.actor_id).user_roles.get().role.name == "AUDITOR"


@pytest.mark.django_db
def test_a_bank_admin_reads_the_row_without_values(make_user, client_of, ana):
    row = renamed(ana)

    body = client_of(make_user("BANK_ADMIN")).get(f"{LIST}{row.log_id}/").json()

    assert (body["values"], body["old_values"], body["new_values"]) == ("hidden", None, None)
    assert body["user"]["username"] == "ana_s"
    assert not AuditLog.objects.filter(action="audit.viewed").exists()


@pytest.mark.django_db
def test_erased_values_are_said_to_be_erased(auditor, ana):
    row, plain = renamed(ana), recorded(actor_id=7, action="thing.done")
    erase_details(hooks.Erasure(ana.pk, "Former customer"))

    body = auditor.get(f"{LIST}{row.log_id}/").json()

    assert (body["values"], body["old_values"]) == ("erased", None)
    unvalued = auditor.get(f"{LIST}{AuditLog.objects.get(pk=plain).log_id}/").json()
    assert (unvalued["values"], unvalued["user"], unvalued["user_id"]) == ("none", None, 7)
    assert auditor.get(f"{LIST}00000000-0000-7000-8000-000000000000/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("path", [LIST, ADMIN, EXPORT])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nobody_writes_by_these_routes(path, method, auditor):
    before = list(AuditLog.objects.values_list("pk", flat=True))

    assert getattr(auditor, method)(path, {}, format="json").status_code == 405
    assert list(AuditLog.objects.values_list("pk", flat=True)) == before


def test_the_export_proves_itself_and_is_recorded(committed, settings, tmp_path, make_user, client_of, token_of):
    """Streamed, without values; the seal of the export's own row comes after it."""
    settings.AUDIT_CHECKPOINTS = str(tmp_path / "checkpoints.jsonl")
    auditor, ana = client_of(make_user("AUDITOR")), make_user()
    with transaction.atomic():
        renamed(ana)
    run()
    sign_checkpoint()
    rows = AuditLog.objects.count()

    answer = auditor.get(EXPORT)

    assert (answer.status_code, answer["Content-Type"], answer.streaming) == (200, "application/x-ndjson", True)
    path = tmp_path / "audit.ndjson"
    path.write_bytes(b"".join(answer.streaming_content))
    walk, findings = verify_export(str(path))
    assert (walk.rows, findings) == (rows, [])
    assert '"Bea"' not in path.read_text()
    assert json.loads(path.read_text().splitlines()[-1]) == {"kind": "end", "rows": rows}
    assert AuditLog.objects.filter(action="audit.exported").count() == 1


@pytest.mark.django_db
def test_a_key_in_use_is_recorded_once_a_day_for_each_address(client, monkeypatch):
    """K-71: API-key use."""
    monkeypatch.setattr(api_keys, "_noted", set())
    made, key = APIKey.objects.create_key(name="partner")
    for ip in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        assert client.get("/api/auth/api-key/", headers={"X-Api-Key": key}, REMOTE_ADDR=ip).status_code == 200
    api_keys._noted.clear()  # As in another process.
    client.get("/api/auth/api-key/", headers={"X-Api-Key": key}, REMOTE_ADDR="192.0.2.1")

    used = AuditLog.objects.filter(action="api_key.used").order_by("id")
    assert [(row.ip_address, row.facts) for row in used] == [
        ("192.0.2.1", {"prefix": made.prefix}),
        ("192.0.2.2", {"prefix": made.prefix}),
    ]


@pytest.mark.django_db
def test_a_superuser_made_by_command_is_recorded(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "quiet purple tractor")
    call_command("createsuperuser", interactive=False, email="chief@example.com", verbosity=0)

    chief = User.objects.get(email="chief@example.com")
    row = AuditLog.objects.get(action="user.created")
    assert (row.actor_id, row.subject_id, row.facts) == (None, chief.pk, {"is_superuser": True})


@pytest.mark.django_db
def test_a_lock_and_its_lifting_are_recorded(make_user, client_of, client, ana):
    """S2-M5: ACCOUNT_LOCK and ACCOUNT_UNLOCK."""
    for _ in range(5):
        client.post("/api/users/login/", {"username": ana.email, "password": "wrong"}, "application/json")
    chief = make_user(is_staff=True, is_superuser=True)
    client_of(chief).put(f"/api/superadmin/user/block/{ana.pk}/", {"is_active": True}, format="json")

    rows = AuditLog.objects.filter(subject_id=ana.pk, action__startswith="account.").order_by("id")
    assert list(rows.values_list("action", "action_type", "actor_id")) == [
        ("account.locked", "ACCOUNT_LOCK", None),
        ("account.unlocked", "ACCOUNT_UNLOCK", chief.pk),
    ]


@pytest.mark.django_db
def test_changes_of_a_person_keep_old_and_new_apart_from_the_row(client_of, ana):
    client_of(ana).patch("/api/user/me/", {"name": "Ana Bea", "password": "another quiet purple tractor"})

    row = AuditLog.objects.get(action="user.changed")
    assert row.facts == {"fields": ["name", "password"]}
    kept = AuditLog.objects.values().filter(pk=row.pk)
    assert "Ana Bea" not in str(kept)
    assert AuditDetail.objects.get(pk=row.pk).values == {"old": {"name": ""}, "new": {"name": "Ana Bea"}}
