"""Old rows leave for a file, and the chain stays provable (E-COMP-2)."""

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from backend.audit import keys
from backend.audit.errors import ArchiveRefused
from backend.audit.exporting import export_lines
from backend.audit.models import AuditCheckpoint, AuditDetail, AuditLog, AuditSeal
from backend.audit.offline.verify import verify_export
from backend.audit.services.archiving import archive, open_archive
from backend.audit.services.erasing import erase_details
from backend.audit.services.patrolling import run as patrol
from backend.audit.services.sealing import sign_checkpoint
from backend.audit.tests.attacker import attack
from backend.audit.tests.settling import run
from backend.audit.verification import verify
from backend.common import hooks

TOMORROW = datetime.now(UTC) + timedelta(days=1)


def opened(anchor, folder: Path) -> Path:
    path = folder / "opened.ndjson.gz"
    with open_archive(anchor) as plain:
        path.write_bytes(plain.read())
    return path


@pytest.fixture
def storage(settings, tmp_path: Path) -> Path:
    folder = tmp_path / "storage"
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    return folder


def test_rows_go_and_the_anchor_keeps_their_place(trail, storage, write, tmp_path):
    edge = AuditLog.objects.get(pk=trail[6]).at

    (anchor,) = archive(before=edge)
    write(2)
    run()
    sign_checkpoint()

    assert list(AuditSeal.objects.order_by("seq").values_list("seq", flat=True)) == list(range(7, 16))
    assert AuditLog.objects.filter(pk__in=trail[:6]).count() == 0
    recorded = AuditLog.objects.get(action="audit.archived")
    assert recorded.facts == {name: anchor[name] for name in recorded.facts}
    assert b"thing" not in (storage / anchor["file"]).read_bytes()
    file = opened(anchor, tmp_path)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == anchor["sha256"]
    walk, findings = verify_export(str(file), keys=keys.proving(), public_keys=keys.public())
    assert (walk.rows, walk.seq, findings) == (6, 6, [])
    assert (verify().findings, verify().first, patrol()) == ([], 7, [])
    path = tmp_path / "export.ndjson"
    path.write_bytes(b"".join(export_lines(values=True)))
    walk, findings = verify_export(str(path), keys=keys.proving())
    assert (walk.rows, walk.seq, findings) == (9, 15, [])


def test_archives_follow_one_another_to_the_last_row(trail, storage, write):
    anchors = archive(before=TOMORROW, step=5)
    run()

    assert [(anchor["first"], anchor["seq"]) for anchor in anchors] == [(1, 5), (6, 10), (11, 12)]
    assert AuditLog.objects.count() == len(anchors)
    assert verify().findings == []
    sign_checkpoint()
    assert len(archive(before=TOMORROW)) == 1
    assert AuditSeal.objects.count() == 0
    run()
    assert AuditSeal.objects.get().seq == 16
    assert verify().is_whole


def test_nothing_goes_that_no_checkpoint_has_signed(trail, storage, write):
    write(3)
    run()
    unsigned = set(AuditLog.objects.filter(pk__gt=trail[-1]).values_list("pk", flat=True))

    archive(before=TOMORROW)

    assert unsigned < set(AuditLog.objects.values_list("pk", flat=True))
    assert len(unsigned) == 3


def test_what_does_not_prove_out_is_not_archived(trail, storage):
    attack(f"UPDATE audit_log SET actor_id = 8 WHERE id = {trail[4]}")

    with pytest.raises(ArchiveRefused, match="altered at 5"):
        archive(before=TOMORROW)

    assert AuditLog.objects.count() == 12
    assert not AuditCheckpoint.objects.filter(kind="anchor").exists()
    assert not storage.exists()


def test_a_changed_archive_is_found_and_a_missing_anchor_too(trail, storage, checkpoints, tmp_path):
    (anchor,) = archive(before=TOMORROW)
    lines = gzip.decompress(opened(anchor, tmp_path).read_bytes()).decode().splitlines()
    record = json.loads(lines[8])
    record["row"]["actor_id"] = 8
    changed = tmp_path / "changed.ndjson"
    changed.write_text("\n".join([*lines[:8], json.dumps(record), *lines[9:]]))
    run()

    (finding,) = verify_export(str(changed), keys=keys.proving())[1]
    assert (finding.kind, finding.seq) == ("altered", record["seal"]["seq"])
    text = checkpoints.read_text()
    checkpoints.write_text(text.replace('"kind":"anchor"', '"kind":"checkpoint"'))
    assert {"forged", "missing"} <= {finding.kind for finding in verify().findings}


def test_personal_values_stay_where_they_can_be_erased(trail, storage, tmp_path):
    (anchor,) = archive(before=TOMORROW)
    held = AuditDetail.objects.filter(subject_id=1).count()

    erase_details(hooks.Erasure(1, "Former customer"))
    run()

    assert held == 4
    assert b"Name " not in gzip.decompress(opened(anchor, tmp_path).read_bytes())
    assert AuditDetail.objects.count() == 8
    assert verify().findings == []


def test_the_command_moves_and_fetches_again(trail, storage, capsys, tmp_path):
    call_command("archive_audit", before=TOMORROW, step=8)
    said = capsys.readouterr().out.splitlines()

    call_command("archive_audit", fetch=8, to=tmp_path / "fetched.ndjson.gz")

    one, two = AuditCheckpoint.objects.filter(kind="anchor").order_by("number")
    assert said[-3:] == [f"1 to 8: {one.line['file']}", f"9 to 12: {two.line['file']}", "2 files written"]
    walk, findings = verify_export(str(tmp_path / "fetched.ndjson.gz"), keys=keys.proving())
    assert (walk.rows, walk.seq, findings) == (8, 8, [])
    with pytest.raises(CommandError, match="no archive ends at 9"):
        call_command("archive_audit", fetch=9, to=tmp_path / "other")
