"""Everything about oneself as an archive: made by a job, whole, sealed, and fetched once (E-COMP-4)."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from backend.audit.models import AuditLog
from backend.common import hooks, vault
from backend.common.models import StoredFile
from backend.identity.models import PersonExport
from backend.identity.services import exports
from backend.identity.tests.apps import Phone, grant_of
from backend.identity.tests.attempts import WRONG, attempt, fail
from backend.identity.tests.doors import notices_to, rows
from backend.tests.commits import in_parallel

EXPORT, ME = "/api/profile/export/", "/api/user/me/"


@pytest.fixture(autouse=True)
def folder(tmp_path, settings):
    """A storage of the test's own."""
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "media"}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    settings.VAULT_SPOOL = tmp_path / "incoming"
    return tmp_path


@pytest.fixture
def ana(make_user):
    return make_user(email="ana@example.com", first_name="Anabela", phone_number="+351912345678")


@pytest.fixture
def client(ana, client_of):
    return client_of(ana)


@pytest.fixture
def ready(ana, client, django_capture_on_commit_callbacks):
    """An archive that waits to be fetched."""
    with django_capture_on_commit_callbacks(execute=True):
        client.post(EXPORT)
    return client.get(EXPORT).json()


def parts_of(answer) -> dict:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.django_db
def test_from_asking_to_fetching(ana, client, mailoutbox, django_capture_on_commit_callbacks):
    before = client.get(EXPORT).json()
    with django_capture_on_commit_callbacks(execute=True):
        asked = client.post(EXPORT)
    ready = client.get(EXPORT).json()

    answer = client.get(ready["download"])

    parts = parts_of(answer)
    assert (before["state"], before["download"]) == ("NONE", None)
    assert (asked.status_code, asked.json()["state"], ready["state"]) == (202, "PENDING", "READY")
    assert (answer["Content-Type"], int(answer["Content-Length"])) == ("application/zip", ready["size"])
    assert (answer["Cache-Control"], "attachment" in answer["Content-Disposition"]) == ("no-store", True)
    assert "identity/account.json: 1 entry" in parts["README.txt"].decode()
    assert client.get(EXPORT).json()["state"] == "FETCHED"
    finished = notices_to(ana.pk)[-1]
    assert (finished["kind"], finished["export_id"]) == ("export.finished", ready["id"])
    assert sorted(mail.subject for mail in mailoutbox) == ["Your data is ready", "Your data was asked for"]
    actions = AuditLog.objects.filter(action__startswith="export.").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["export.requested", "export.finished", "export.downloaded"]


@pytest.mark.django_db
def test_each_slice_adds_its_part(ana, client, make_user, django_capture_on_commit_callbacks):
    attempt("s1", "ana@example.com", WRONG)
    stranger = make_user(email="bob@example.com", first_name="Boberto")
    fail("bob@example.com", 2)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(EXPORT)

    parts = parts_of(client.get(client.get(EXPORT).json()["download"]))

    found = {name: json.loads(text) for name, text in parts.items() if name.endswith(".json")}
    assert {"account", "sessions", "sign_ins", "roles", "second_factor", "exports", "rule_changes"} == {
        name.removeprefix("identity/").removesuffix(".json") for name in found if name.startswith("identity/")
    }
    assert {"audit/trail.json", "audit/security_events.json", "notifications/inbox.json"} <= set(found)
    (account,) = found["identity/account.json"]
    assert (account["email"], account["first_name"], account["phone_number"]) == (
        "ana@example.com",
        "Anabela",
        "+351912345678",
    )
    assert [entry["successful"] for entry in found["identity/sign_ins.json"]] == [False]
    assert [event["event_type"] for event in found["audit/security_events.json"]] == ["FAILED_LOGIN"]
    everything = b"".join(parts.values()).decode()
    assert [word in everything for word in (stranger.email, "Boberto", ana.password, "sealed_secret")] == [False] * 4


@pytest.mark.django_db
def test_it_is_fetched_once(ready, client, folder, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first = client.get(ready["download"])
        parts_of(first)

    again = client.get(ready["download"])

    assert (again.status_code, again.json()["code"]) == (404, "export.gone")
    assert (StoredFile.objects.count(), files_in(folder)) == (0, [])


@pytest.mark.django_db
def test_it_lies_sealed(ready, folder):
    (sealed,) = files_in(folder)

    assert b"ana@example.com" not in sealed.read_bytes()
    assert not zipfile.is_zipfile(sealed)
    assert b"PK" in b"".join(vault.portions(StoredFile.objects.get()))[:2]


@pytest.mark.django_db
def test_anothers_is_not_there(ready, client_of, make_user):
    other = client_of(make_user())
    before = rows()

    assert other.get(ready["download"]).status_code == 404
    assert PersonExport.objects.get().state == "READY"
    assert rows() == before


def test_of_two_who_fetch_at_once_one_gets_it(committed, make_user, client_of):
    user = make_user(is_staff=True)
    clients = [client_of(user), client_of(user)]
    clients[0].post(EXPORT)
    url = clients[0].get(EXPORT).json()["download"]

    answers = in_parallel(*[lambda client=client: client.get(url) for client in clients])

    assert sorted(answer.status_code for answer in answers) == [200, 404]
    assert AuditLog.objects.filter(action="export.downloaded").count() == 1


def test_of_two_who_ask_at_once_one_is_taken(committed, make_user, client_of):
    user = make_user(is_staff=True)
    clients = [client_of(user), client_of(user)]

    answers = in_parallel(*[lambda client=client: client.post(EXPORT) for client in clients])

    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert PersonExport.objects.count() == 1


@pytest.mark.django_db
def test_one_at_a_time(ready, client):
    before = rows()

    answer = client.post(EXPORT)

    assert (answer.status_code, answer.json()["code"]) == (409, "export.open")
    assert (rows(), PersonExport.objects.count()) == (before, 1)


@pytest.mark.django_db
def test_after_fetching_another_may_be_asked_for_five_a_day(ana, client):
    for _ in range(5):
        assert client.post(EXPORT).status_code == 202
        PersonExport.objects.update(state="FETCHED")

    late = client.post(EXPORT)

    assert (late.status_code, int(late["Retry-After"]) > 86000) == (429, True)
    assert PersonExport.objects.count() == 5


@pytest.mark.django_db
def test_what_nobody_fetches_expires(ready, client, folder, django_capture_on_commit_callbacks):
    PersonExport.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    gone = client.get(ready["download"]).status_code

    with django_capture_on_commit_callbacks(execute=True):
        exports.sweep()

    assert (gone, client.get(EXPORT).json()["state"]) == (404, "EXPIRED")
    assert (files_in(folder), client.post(EXPORT).status_code) == ([], 202)


@pytest.mark.django_db
def test_what_a_broken_download_left_is_destroyed(ready, client, folder, django_capture_on_commit_callbacks):
    client.get(ready["download"])  # And the process dies before the last byte.
    PersonExport.objects.update(fetched_at=datetime.now(UTC) - timedelta(hours=2))

    with django_capture_on_commit_callbacks(execute=True):
        exports.sweep()

    assert files_in(folder) == []


@pytest.mark.django_db
def test_storage_that_is_away_spends_nothing(ready, client, monkeypatch):
    def away(*args, **options):
        raise OSError("away")

    monkeypatch.setattr(default_storage._wrapped.__class__, "open", away)
    answer = client.get(ready["download"])
    monkeypatch.undo()

    assert answer.status_code == 503
    assert client.get(EXPORT).json()["state"] == "READY"


@pytest.mark.django_db
def test_a_slice_that_fails_is_tried_again_and_then_given_up(
    ana, client, folder, monkeypatch, django_capture_on_commit_callbacks
):
    def fails(export: hooks.Export) -> None:
        raise RuntimeError("a slice failed")

    monkeypatch.setattr(hooks.person_exported, "_listeners", [*hooks.person_exported._listeners, fails])
    with django_capture_on_commit_callbacks(execute=True):
        client.post(EXPORT)
    for _ in range(3):
        PersonExport.objects.update(tried_at=datetime.now(UTC) - timedelta(hours=1))
        with django_capture_on_commit_callbacks(execute=True):
            exports.sweep()

    export = PersonExport.objects.get()
    assert (export.state, export.attempts, files_in(folder)) == ("FAILED", 3, [])
    assert notices_to(ana.pk)[-1] == {"kind": "export.failed", "export_id": str(export.pk)}
    assert client.post(EXPORT).status_code == 202


@pytest.mark.django_db
def test_a_job_that_was_lost_is_given_to_another(ana, client, django_capture_on_commit_callbacks):
    client.post(EXPORT)
    PersonExport.objects.update(asked_at=datetime.now(UTC) - timedelta(hours=1))

    with django_capture_on_commit_callbacks(execute=True):
        exports.sweep()

    assert client.get(EXPORT).json()["state"] == "READY"


@pytest.mark.django_db
def test_a_job_that_runs_twice_makes_one_archive(ready, client, folder):
    exports.write_export(export_id=ready["id"])

    assert (len(files_in(folder)), StoredFile.objects.count()) == (1, 1)
    assert client.get(EXPORT).json() == ready


@pytest.mark.django_db
def test_two_parts_of_one_name_are_a_fault(ana, monkeypatch):
    def adds(export: hooks.Export) -> None:
        export.add("identity/account.json", [])

    monkeypatch.setattr(hooks.person_exported, "_listeners", [*hooks.person_exported._listeners, adds])
    export = PersonExport.objects.create(user=ana)

    with pytest.raises(RuntimeError, match=r"two slices export identity/account\.json"):
        exports.write_export(export_id=export.pk)


def test_the_archive_is_of_one_moment(committed, make_user, monkeypatch):
    """What is written while it is made is not in it: a chat and its messages fit together."""
    user = make_user(is_staff=True, first_name="Before")
    seen = []

    def listens(export: hooks.Export) -> None:
        from backend.identity.models import User  # noqa: PLC0415

        seen.append(User.objects.get(pk=user.pk).first_name)
        in_parallel(lambda: User.objects.filter(pk=user.pk).update(first_name="After"))
        seen.append(User.objects.get(pk=user.pk).first_name)

    monkeypatch.setattr(hooks.person_exported, "_listeners", [listens])
    exports.write_export(export_id=PersonExport.objects.create(user=user).pk)

    assert seen == ["Before", "Before"]


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_archive(ana, monkeypatch):
    """Rows are read one by one and written on: none is waited for, none is kept."""
    alive: set[int] = set()
    most = 0

    class Row(dict):
        def __del__(self) -> None:
            alive.discard(id(self))

    def many():
        nonlocal most
        for number in range(5000):
            row = Row(number=number)
            alive.add(id(row))
            most = max(most, len(alive))
            yield row

    monkeypatch.setattr(hooks.person_exported, "_listeners", [lambda export: export.add("many.json", many())])
    export = PersonExport.objects.create(user=ana)
    exports.write_export(export_id=export.pk)

    export.refresh_from_db()
    assert export.state == "READY"
    assert most <= 3


# Erasure


@pytest.mark.django_db
def test_the_erased_leave_no_archive(ready, client, folder, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.delete(ME)

    assert (answer.status_code, PersonExport.objects.count(), files_in(folder)) == (204, 0, [])


@pytest.mark.django_db
def test_what_has_to_be_settled_first_blocks_erasure(ana, client, monkeypatch):
    def owes(leaving: hooks.Leaving) -> None:
        leaving.block("A loan is still open.")

    monkeypatch.setattr(hooks.person_leaving, "_listeners", [owes])
    before = rows()

    answer = client.delete(ME)

    assert (answer.status_code, answer.json()["code"], answer.json()["reasons"]) == (
        409,
        "erasure.blocked",
        ["A loan is still open."],
    )
    ana.refresh_from_db()
    assert (ana.email, rows()) == ("ana@example.com", before)


@pytest.mark.django_db
def test_who_has_a_second_factor_confirms_erasure_with_it(ana, client_of, monkeypatch):
    """A stolen token must not end an account for good."""
    phone = Phone(monkeypatch)
    phone.enrol(ana)
    client = client_of(ana)
    refusal = client.delete(ME)
    still = ana.__class__.objects.get(pk=ana.pk).email
    token = grant_of(client, "person.erase", otp=phone.code()).json()["token"]

    answer = client.delete(ME, HTTP_X_STEP_UP_TOKEN=token)

    assert (refusal.status_code, refusal.json()["code"], still) == (403, "step_up_required", "ana@example.com")
    assert answer.status_code == 204


@pytest.mark.django_db
def test_nobody_exports_for_strangers(anybody):
    assert [anybody.get(EXPORT).status_code, anybody.post(EXPORT).status_code] == [401, 401]
