"""Stored files: nothing plain on a disk, nothing left behind by a failure, unreadable once the key is destroyed."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.files.storage import default_storage
from django.core.files.storage import storages as all_storages
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError

from backend.common import vault
from backend.common.encryption import CHUNK, Damaged
from backend.common.models import StoredFile
from backend.common.tests.bucket import Bucket
from backend.common.unit_of_work import unit_of_work
from djangocrud.env import load
from djangocrud.storage import s3_storage

SECRET = b"a sentence that must not be found on any disk. " * 4000


@pytest.fixture(autouse=True)
def folder(tmp_path, settings):
    """A storage and a spool folder of the test's own."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media", "file_permissions_mode": 0o600},
        },
    }
    settings.VAULT_SPOOL = tmp_path / "incoming"
    settings.ENCRYPTION_KEY_DOCUMENTS = [Fernet.generate_key().decode()]
    return tmp_path


def keep(plain: bytes = SECRET, owner_id: int | None = 7) -> StoredFile:
    with vault.incoming(kind="test") as file:
        file.write(plain)
        file.store()
        with unit_of_work():
            return file.keep(owner_id=owner_id)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.django_db
def test_a_kept_file_is_read_again_and_lies_sealed(folder):
    stored = keep()

    assert b"".join(vault.portions(stored)) == SECRET
    assert (stored.size, stored.sha256) == (len(SECRET), hashlib.sha256(SECRET).hexdigest())
    assert stored.owner_id == 7
    (path,) = files_in(folder)
    assert b"sentence" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.django_db
def test_nothing_plain_is_on_the_disk_while_it_arrives(folder):
    with vault.incoming(kind="test") as file:
        file.write(SECRET)
        with file.open() as plain:
            assert plain.read() == SECRET

        assert files_in(folder)
        assert not any(b"sentence" in path.read_bytes() for path in files_in(folder))


@pytest.mark.django_db
def test_what_is_not_kept_leaves_nothing(folder):
    with vault.incoming(kind="test") as file:
        file.write(SECRET)
        file.store()

    assert files_in(folder) == []
    assert not StoredFile.objects.exists()


@pytest.mark.django_db
def test_a_failed_transaction_leaves_neither_file_nor_row(folder):
    with pytest.raises(IntegrityError):
        with vault.incoming(kind="test") as file:
            file.write(SECRET)
            file.store()
            with unit_of_work():
                file.keep(owner_id=7)
                StoredFile.objects.create(id=file.id, kind="test", path="", size=-1, sha256="", wrapped_key=b"")

    assert files_in(folder) == []
    assert not StoredFile.objects.exists()


@pytest.mark.django_db
def test_where_it_is_not_known_whether_the_commit_succeeded_the_file_stays_for_the_sweep(folder):
    with pytest.raises(OperationalError):
        with vault.incoming(kind="test") as file:
            file.write(SECRET)
            file.store()
            with unit_of_work():
                file.keep(owner_id=7)
            raise OperationalError("server closed the connection unexpectedly")

    assert len(files_in(folder)) == 1
    StoredFile.objects.update(kept_at=None, created_at=datetime.now(UTC) - timedelta(days=2))
    vault.sweep()
    assert files_in(folder) == []


@pytest.mark.django_db
def test_what_a_storage_that_went_away_may_hold_is_swept_once_it_is_back(folder):
    (folder / "media").write_text("a file where the folder should be")
    with pytest.raises(vault.StorageAway):
        keep()

    StoredFile.objects.update(created_at=datetime.now(UTC) - timedelta(days=2))
    vault.sweep()
    assert StoredFile.objects.get().kept_at is None
    (folder / "media").unlink()
    vault.sweep()

    assert not StoredFile.objects.exists()
    assert files_in(folder) == []


@pytest.mark.django_db
def test_what_a_killed_process_left_is_swept_after_a_day(folder):
    kept, abandoned, arriving = keep(), keep(), keep()
    long_ago = datetime.now(UTC) - timedelta(hours=25)
    StoredFile.objects.filter(pk=abandoned.pk).update(kept_at=None, created_at=long_ago)
    StoredFile.objects.filter(pk=arriving.pk).update(kept_at=None)
    StoredFile.objects.filter(pk=kept.pk).update(created_at=long_ago)
    spool = folder / "incoming" / "in-old"
    spool.touch()
    os.utime(spool, (long_ago.timestamp(),) * 2)

    assert vault.sweep() == 1
    assert vault.sweep() == 0
    assert {row.pk for row in StoredFile.objects.all()} == {kept.pk, arriving.pk}
    assert len(files_in(folder)) == 2


@pytest.mark.django_db
def test_a_file_that_was_swept_meanwhile_cannot_be_kept():
    with pytest.raises(vault.FileGone):
        with vault.incoming(kind="test") as file:
            file.write(SECRET)
            file.store()
            StoredFile.objects.filter(pk=file.id).delete()
            file.keep(owner_id=7)


@pytest.mark.django_db
def test_a_destroyed_key_makes_the_file_unreadable_also_from_a_backup(folder, django_capture_on_commit_callbacks):
    stored = keep()
    (path,) = files_in(folder)
    backup = path.read_bytes()

    with django_capture_on_commit_callbacks(execute=True):
        assert vault.destroy([stored.pk]) == 1
        assert vault.destroy([stored.pk]) == 0

    assert not path.exists()
    path.write_bytes(backup)
    stored.refresh_from_db()
    assert (stored.wrapped_key, stored.removed_at is not None) == (None, True)
    with pytest.raises(vault.FileGone):
        vault.open_file(stored)


@pytest.mark.django_db
def test_bytes_that_could_not_be_removed_go_with_the_next_sweep(folder):
    stored, forgotten = keep(), keep()
    vault.destroy([stored.pk])  # and the process ends before it removed them
    vault.discard([forgotten.pk])

    vault.sweep()

    assert files_in(folder) == []
    assert [row.pk for row in StoredFile.objects.all()] == [stored.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + bytes([b[-1] ^ 1]), None])
def test_damage_is_found_before_or_while_reading(folder, damage):
    stored = keep()
    (path,) = files_in(folder)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))

    with pytest.raises((vault.FileDamaged, Damaged)):
        b"".join(vault.portions(stored))


@pytest.mark.django_db
def test_turning_the_key_rewrites_no_file(folder, settings):
    stored = [keep(), keep(), keep()]
    before = {path: path.read_bytes() for path in files_in(folder)}
    old, new = settings.ENCRYPTION_KEY_DOCUMENTS[0], Fernet.generate_key().decode()
    settings.ENCRYPTION_KEY_DOCUMENTS = [new, old]
    assert b"".join(vault.portions(stored[0])) == SECRET  # the old version still opens

    call_command("rewrap_files", step=2, stdout=StringIO())

    settings.ENCRYPTION_KEY_DOCUMENTS = [new]
    for row in StoredFile.objects.all():
        assert b"".join(vault.portions(row)) == SECRET
    assert {path: path.read_bytes() for path in files_in(folder)} == before


@pytest.mark.django_db
def test_a_key_that_does_not_open_is_named_and_holds_the_others_up_no_longer(settings):
    broken, fine = sorted([keep(b"1"), keep(b"2")], key=lambda row: row.pk)
    StoredFile.objects.filter(pk=broken.pk).update(wrapped_key=b"x" * 60)
    settings.ENCRYPTION_KEY_DOCUMENTS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEY_DOCUMENTS]

    with pytest.raises(CommandError, match=str(broken.pk)):
        call_command("rewrap_files", stdout=StringIO())

    fine.refresh_from_db()
    assert fine.key_version == vault.master_keys().newest
    broken.refresh_from_db()
    with pytest.raises(vault.FileDamaged):
        vault.open_file(broken)


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_file(folder):
    with vault.incoming(kind="test") as file:
        for _ in range(64):
            file.write(bytes(CHUNK))
            assert len(file._sealer._waiting) <= CHUNK
        file.store()
        stored = file.keep(owner_id=None)

    assert max(len(portion) for portion in vault.portions(stored)) <= CHUNK


@pytest.mark.django_db
def test_files_lie_in_s3_where_a_bucket_is_named(settings, folder):
    """Through boto3, against a server that speaks as much of S3's protocol as is used."""
    with Bucket() as bucket:
        env = load(
            {
                "AWS_STORAGE_BUCKET_NAME": "files",
                "AWS_ACCESS_KEY_ID": "id",
                "AWS_SECRET_ACCESS_KEY": "key",
                "AWS_S3_REGION_NAME": "eu-central-1",
                "AWS_S3_SIGNATURE_VERSION": "s3v4",
                "AWS_S3_ADDRESSING_STYLE": "path",
                "AWS_S3_ENDPOINT_URL": bucket.address,
            }
        )
        settings.STORAGES = {**settings.STORAGES, "default": s3_storage(env)}
        assert type(all_storages["default"]).__name__ == "S3Storage"
        stored = keep()

        assert list(bucket.objects) == [f"/files/{stored.path}"]
        assert b"sentence" not in bucket.objects[f"/files/{stored.path}"]
        assert b"".join(vault.portions(stored)) == SECRET
        default_storage.delete(stored.path)
        assert bucket.objects == {}
        with pytest.raises(vault.FileDamaged):
            vault.open_file(stored)
        bucket.is_failing = True
        with pytest.raises(vault.StorageAway):
            keep()
        assert bucket.objects == {}
    assert [row.pk for row in StoredFile.objects.all()] == [stored.pk]
    assert files_in(folder) == []
