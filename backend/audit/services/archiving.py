"""Archiving: old rows leave the database for a file, and a signed anchor keeps their place in the chain (E-COMP-2)."""

import gzip
import tempfile
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection

from backend.audit import keys
from backend.audit.errors import ArchiveRefused
from backend.audit.exporting import export_lines
from backend.audit.models import AuditCheckpoint, AuditLog, AuditSeal
from backend.audit.offline.verify import verify_export
from backend.audit.services.recording import record
from backend.audit.services.sealing import alone, append_line
from backend.common import encryption
from backend.common.unit_of_work import unit_of_work

FOLDER = "audit/archive"
STEP = 100_000


def archive(*, before: datetime, step: int = STEP) -> list[dict[str, Any]]:
    """Move what was written before a moment into files of up to `step` rows each; return the anchors.

    Only whole prefixes of the chain go, and only what a checkpoint has signed. Personal values stay in the database,
    where they can be erased. Each step can be stopped and run again: a file is written and proved before a row goes.
    Raises: ArchiveRefused, when what would be archived does not prove out, or another process seals just now.
    """
    anchors = []
    while (last := _last_place(before, step)) is not None:
        anchors.append(_archive_up_to(last))
    return anchors


def _last_place(before: datetime, step: int) -> int | None:
    """Return where the next archive ends: at the first row that must stay, or that no checkpoint covers yet."""
    first = AuditSeal.objects.order_by("seq").values_list("seq", flat=True).first()
    signed = AuditCheckpoint.objects.filter(kind="checkpoint").order_by("-number").values_list("seq", flat=True).first()
    if first is None or signed is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT min(s.seq) FROM audit_seal s JOIN audit_log l ON l.id = s.row_id
               WHERE l.at >= %s AND s.seq < %s""",
            [before, first + step],
        )
        stays = cursor.fetchone()[0]
    last = min(signed, first + step - 1, stays - 1 if stays is not None else signed)
    return last if last >= first else None


def open_archive(anchor: Mapping[str, Any]) -> encryption.Opener:
    """Return an archive's plain bytes (an export, compressed), as a stream to be closed.

    Raises: FileNotFoundError, encryption.Damaged (on reading, too), KeyError (the key's version is not known).
    """
    file_id = uuid.UUID(anchor["file_id"])
    key = keys.ring()[anchor["file_key"]].file_key(file_id)
    return encryption.Opener(cast(BinaryIO, default_storage.open(anchor["file"], "rb")), key, file_id, anchor["size"])


def _archive_up_to(last: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        plain, sealed = Path(folder) / "archive.ndjson.gz", Path(folder) / "sealed"
        with gzip.open(plain, "wb") as out:
            for part in export_lines(values=False, until=last):
                out.write(part)
        walk, findings = verify_export(str(plain), keys=keys.proving(), verify=keys.verify_signature)
        if findings or walk.seq != last:
            raise ArchiveRefused(str(findings[0]) if findings else "")
        first = last - walk.rows + 1
        facts = _seal_file(plain, sealed)
        with sealed.open("rb") as file:
            name = default_storage.save(f"{FOLDER}/{first:012}-{last:012}-{facts['file_id']}", File(file))
    return _replace_by_anchor(first, last, {**facts, "file": name})


def _seal_file(plain: Path, sealed: Path) -> dict[str, Any]:
    """Encrypt the file as all files are (ADR 0005), but with a key of the trail's own; return how to open it."""
    file_id, version = uuid.uuid4(), keys.newest()
    sealer = encryption.Sealer(version.file_key(file_id), file_id)
    with plain.open("rb") as source, sealed.open("wb") as out:
        while portion := source.read(encryption.CHUNK):
            out.write(sealer.seal(portion))
        out.write(sealer.finish())
    return {"file_id": str(file_id), "file_key": version.number, "size": sealer.size, "sha256": sealer.sha256}


def _replace_by_anchor(first: int, last: int, file: dict[str, Any]) -> dict[str, Any]:
    """Sign the anchor, record it, and let the rows go, in one transaction. Locks: sealing as a whole."""
    with unit_of_work(), connection.cursor() as cursor:
        if not alone(cursor):
            raise ArchiveRefused("another process seals just now: run it again")
        link = AuditSeal.objects.get(seq=last).link.hex()
        rows = AuditSeal.objects.filter(seq__lte=last).order_by("-row_id")
        last_row = rows.values_list("row_id", flat=True)[0]
        facts = {"first": first, "seq": last, "link": link, "last_row": last_row, **file}
        line = append_line({"kind": "anchor", **facts})
        record(actor_id=None, action="audit.archived", facts=facts)
        cursor.execute("SELECT set_config('ease.audit', 'archive', true)")
        AuditLog.objects.filter(pk__in=rows.values("row_id")).delete()
        rows.delete()
        cursor.execute("SELECT set_config('ease.audit', '', true)")
    return line
