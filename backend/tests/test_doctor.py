"""The doctor finds what is broken on purpose, says what to do, and changes nothing."""

import io
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from rest_framework_api_key.models import APIKey

from backend.audit.services import record
from backend.common import checkups, vault
from backend.common.checkups import Level, fine, foundation, trouble
from backend.common.unit_of_work import unit_of_work

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(settings, tmp_path):
    settings.AUDIT_CHECKPOINTS = str(tmp_path / "checkpoints.jsonl")
    settings.VAULT_SPOOL = tmp_path / "incoming"
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "media"}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}


def _doctor(*options):
    """Return the exit code and what was said."""
    out = io.StringIO()
    try:
        call_command("doctor", *options, stdout=out)
    except SystemExit as left:
        return left.code, out.getvalue()
    return 0, out.getvalue()


def _worst(name):
    """Return the gravest finding of one check."""
    return max(checkups._outcome(checkups._checks[name]), key=lambda finding: finding.level)


def test_a_healthy_house_is_told_so(tmp_path):
    told = json.loads(_doctor("--json")[1])

    assert set(told["checks"]) >= {
        *("configuration", "database", "clocks", "migrations", "keys", "Redis", "jobs", "files", "disks"),
        *("audit trail", "books", "partners' keys"),
    }
    # Tests have a database that a crash may lose.
    found = [one["words"] for findings in told["checks"].values() for one in findings if one["level"] == "trouble"]
    assert found == ["commits are not durable"]
    assert not list((tmp_path / "media").rglob("*.*")), "it left a file behind"
    assert _doctor()[1].count("->") == sum(
        one["advice"] != "" for findings in told["checks"].values() for one in findings
    )


def test_trouble_ends_with_one_and_warnings_only_if_they_are_to_count(monkeypatch):
    warning = [checkups.warning("odd", "look")]
    monkeypatch.setattr(checkups, "_checks", {"a": lambda: [fine("well")], "b": lambda: warning})
    codes = _doctor()[0], _doctor("--strict")[0]

    def broken():
        raise ValueError("no such thing")

    monkeypatch.setattr(
        checkups, "_checks", {"a": broken, "b": lambda: [trouble("bad", "mend it")], "c": lambda: warning}
    )
    code, said = _doctor()

    assert (codes, code) == ((0, 1), 1)
    for words in (
        "could not be looked at: ValueError: no such thing",
        "TROUBLE  b: bad",
        "-> mend it",
        "warning  c: odd",
    ):
        assert words in said


def test_a_key_that_was_removed_too_early_is_named(settings):
    """The expired key: rows sealed by a version that is configured no more."""
    with vault.incoming(kind="document") as file:
        file.write(b"x")
        file.store()
        with unit_of_work():
            file.keep(owner_id=None)
        before = _worst("keys").level
        newest = Fernet.generate_key().decode()
        older = settings.KEYS_OF_DATA["ENCRYPTION_KEY_DOCUMENTS"]
        settings.KEYS_OF_DATA = {**settings.KEYS_OF_DATA, "ENCRYPTION_KEY_DOCUMENTS": (newest, *older)}
        turned = _worst("keys").level
        settings.KEYS_OF_DATA = {**settings.KEYS_OF_DATA, "ENCRYPTION_KEY_DOCUMENTS": (newest,)}
        found = _worst("keys")

    assert (before, turned) == (Level.FINE, Level.FINE)
    assert (found.level, "ENCRYPTION_KEY_DOCUMENTS lacks 1 versions" in found.words) == (Level.TROUBLE, True)


def test_a_version_of_the_audit_key_that_rows_need_is_missed(settings):
    with unit_of_work():
        record(actor_id=7, action="thing.done", facts={})
    settings.AUDIT_KEYS = {2: "another secret of at least 32 characters"}

    assert "AUDIT_KEY lacks version 1" in _worst("audit trail").words


@pytest.mark.parametrize(
    ("jump", "level"), [(0, Level.FINE), (5, Level.WARNING), (-5, Level.WARNING), (3600, Level.TROUBLE)]
)
def test_a_clock_that_jumped_is_noticed(monkeypatch, jump, level):
    now = time.time
    monkeypatch.setattr(foundation.time, "time", lambda: now() + jump)
    found = list(foundation.clocks())

    assert {finding.level for finding in found} == {level}
    assert len(found) == 2  # the database's, and Valkey's
    if jump:
        assert all(f"{abs(jump):.1f} s {'behind' if jump > 0 else 'ahead of'}" in finding.words for finding in found)


def test_a_migration_that_is_not_applied_is_named():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'common' AND name = '0003_saved_answers'")
    found = _worst("migrations")

    assert (found.words, found.advice) == (
        "1 are not applied, the first is common.0003_saved_answers",
        "manage.py migrate",
    )


def test_hosts_and_workers_that_do_not_answer_are_named(settings):
    settings.REDIS_URLS = ["redis://127.0.0.1:1/0"]
    settings.USE_CELERY = True

    assert "host 1 does not answer" in _worst("Redis").words
    assert (_worst("jobs").level, _worst("jobs").words) == (Level.TROUBLE, "no worker answers")
    assert _worst("clocks").level == Level.TROUBLE


def test_a_storage_that_is_away_is_named(settings, tmp_path):
    (tmp_path / "file").touch()
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "file"}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}

    assert _worst("files").level == Level.TROUBLE


def test_a_partners_key_that_ends_is_told_of():
    APIKey.objects.create_key(name="late", expiry_date=datetime.now(UTC) + timedelta(days=3))
    APIKey.objects.create_key(name="gone", expiry_date=datetime.now(UTC) - timedelta(days=3))
    APIKey.objects.create_key(name="well", expiry_date=datetime.now(UTC) + timedelta(days=300))
    words = [finding.words for finding in checkups._checks["partners' keys"]()]

    assert ["has ended" in words[0], "ends soon" in words[1], len(words)] == [True, True, 2]
