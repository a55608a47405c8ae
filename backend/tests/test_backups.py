"""A rehearsed bad day: everything is lost but a backup and the keys, and everything comes back (issue 13, item 5)."""

import io
import json
import shutil
import stat

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import DatabaseError

from backend.audit.tests.settling import run as seal_all
from backend.banking.tests.factories import fund, make_account, transfer
from backend.common import vault
from backend.common.models import StoredFile
from backend.common.unit_of_work import unit_of_work
from backend.identity.principals import principal_of
from backend.identity.services import profiles
from backend.support.tests.factories import make_talk, store_messages, texts_in
from backend.tests.commits import _administer, committed  # noqa: F401 - a fixture
from bench.seed import people

PLAIN = b"a passport, page by page. " * 5000


@pytest.fixture(autouse=True)
def place(tmp_path, settings):  # noqa: F811
    """A house of the test's own: `live()` moves into another one, with the same keys and nothing in it."""

    def live(name):
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": tmp_path / name / "media"},
            },
        }
        settings.VAULT_SPOOL = tmp_path / name / "incoming"
        settings.AUDIT_CHECKPOINTS = str(tmp_path / name / "checkpoints.jsonl")

    live("old")
    return live


@pytest.fixture
def data(committed, make_user):  # noqa: F811
    """Somebody who talked, paid, changed their name and sent a document; all sealed. Returns what must come back."""
    talk = make_talk(make_user)
    store_messages(talk, "good morning", "and good night \U0001f389")
    source = make_account()
    make_account(bank=source.bank)
    fund(source, "100.00")
    profiles.update_profile(actor=principal_of(talk.customer), changes={"first_name": "Anna"})
    with vault.incoming(kind="document") as file:
        file.write(PLAIN)
        file.store()
        with unit_of_work():
            stored = file.keep(owner_id=talk.customer.pk)
    seal_all()
    return talk, source, stored.pk


@pytest.fixture
def elsewhere(committed):  # noqa: F811
    """The name of an empty database; the connection comes back to the first one."""
    name = f"{committed}_restored"
    _administer(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
    yield name
    connection.close()
    connection.settings_dict["NAME"] = committed
    _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


def _go_to(database):
    connection.close()
    connection.settings_dict["NAME"] = database


def _contents():
    """Return how many rows each table has, and a hash of them all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [name for (name,) in cursor.fetchall()]
        found = {}
        for table in tables:
            cursor.execute(f'SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM "{table}" t')
            found[table] = cursor.fetchone()
        return found


def _command(name, *arguments, **options):
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, **options)
    return out.getvalue()


def test_everything_comes_back_and_proves_out(data, elsewhere, place, tmp_path):
    talk, source, file_id = data
    folder = tmp_path / "backup"
    made = _command("backup", str(folder))
    before, said = _contents(), texts_in(talk.topic)

    _go_to(elsewhere)
    place("new")
    told = _command("restore", str(folder))

    assert "1 files" in made
    assert _contents() == before
    assert texts_in(talk.topic) == said
    with vault.open_file(StoredFile.objects.get(pk=file_id)) as opened:
        assert opened.read() == PLAIN
    assert "audit trail: " in told
    assert "books: 1 postings, 2 accounts" in told
    assert "lines put back" in told
    # The guards are up, and numbers go on behind what there was.
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("UPDATE banking_entry SET amount = 1")
    source.refresh_from_db()
    transfer(source, make_account(bank=source.bank), "5.00")
    profiles.update_profile(actor=principal_of(talk.customer), changes={"first_name": "Ana"})
    seal_all()
    call_command("verify_audit", stdout=io.StringIO())
    call_command("verify_ledger", stdout=io.StringIO())


def test_a_backup_is_readable_by_nobody_else_and_holds_nothing_plain(data, tmp_path):
    folder = tmp_path / "backup"
    _command("backup", str(folder))

    files = [path for path in folder.rglob("*") if path.is_file()]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    content = b"".join(path.read_bytes() for path in files)
    for word in (b"good morning", b"PGDMP", PLAIN[:26], b"example.com"):
        assert word not in content
    with pytest.raises(CommandError, match="not empty"):
        _command("backup", str(folder))


def _without(name):
    def spoil(folder, monkeypatch):
        (folder / name).unlink()

    return spoil


def _changed_manifest(folder, monkeypatch):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "keys": {}}))


def _cut_dump(folder, monkeypatch):
    path = folder / "database.sealed"
    path.write_bytes(path.read_bytes()[:-1])


def _another_key(folder, monkeypatch):
    keys = {**settings.KEYS_OF_DATA, "SSN_HASH_KEY": ("another one",)}
    monkeypatch.setattr(settings, "KEYS_OF_DATA", keys)


def _another_master(folder, monkeypatch):
    monkeypatch.setattr(vault, "master_keys", lambda: vault._master_keys((Fernet.generate_key().decode(),)))


REFUSED = {
    "never finished": (_without("manifest.json"), "manifest.json is missing"),
    "without its dump": (_without("database.sealed"), "database.sealed is missing"),
    "without checkpoints": (_without("carried/audit-checkpoints.jsonl"), "checkpoints"),
    "changed": (_changed_manifest, "was changed"),
    "cut": (_cut_dump, "damaged"),
    "with another key for SSNs": (_another_key, "SSN_HASH_KEY"),
    "with another master key": (_another_master, "ENCRYPTION_KEY_DOCUMENTS"),
}


def test_what_is_not_whole_or_not_ours_is_refused_before_anything_is_written(data, elsewhere, place, tmp_path):
    """Also what is altered inside: then the transaction is taken back."""
    folder = tmp_path / "backup"
    _command("backup", str(folder))
    _go_to(elsewhere)
    place("new")
    for number, (spoil, words) in enumerate(REFUSED.values()):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(folder, copy)
        with pytest.MonkeyPatch.context() as patch:
            spoil(copy, patch)
            with pytest.raises(CommandError, match=words):
                _command("restore", str(copy))
        assert _contents() == {}
    sealed = bytearray((folder / "database.sealed").read_bytes())
    sealed[-40] ^= 1
    (folder / "database.sealed").write_bytes(sealed)
    with pytest.raises(CommandError, match="not what was written"):
        _command("restore", str(folder))
    assert _contents() == {}
    assert not (tmp_path / "new" / "media").exists()


def test_a_database_that_is_used_or_not_empty_is_left_alone_unless_forced(data, elsewhere, tmp_path):
    talk, *_ = data
    folder = tmp_path / "backup"
    _command("backup", str(folder))
    before = _contents()
    people(1, "CUSTOMER")

    with pytest.raises(CommandError, match=r"has \d+ tables"):
        _command("restore", str(folder))
    other = connection.copy()
    try:
        other.ensure_connection()
        with pytest.raises(CommandError, match="1 others are connected"):
            _command("restore", str(folder), force=True)
    finally:
        other.close()
    assert _contents() != before
    _command("restore", str(folder), force=True)

    assert _contents() == before
