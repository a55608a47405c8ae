"""What backups need to know of the trail: its checkpoints and archives, its keys, and its proof."""

import json
from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings

from backend.audit.checkpoints import place
from backend.audit.models import AuditCheckpoint
from backend.audit.offline.chain import canonical
from backend.audit.verification import verify
from backend.common import backups

NAME = "audit-checkpoints.jsonl"
SHOWN = 20


def register_backups() -> None:
    backups.carry(NAME, save=_save, load=_load)
    backups.need_keys(lambda: {"AUDIT_KEY": [f"{number}:{secret}" for number, secret in settings.AUDIT_KEYS.items()]})
    backups.also_files(_archives)
    backups.prove_by("audit trail", _prove)


def _save() -> Iterator[bytes]:
    for line in place().lines():
        yield canonical(line) + b"\n"


def _load(portions: Iterable[bytes]) -> str:
    """Put the lines where there are none. Lines that are there know more, or the same: they are the better witness."""
    there = place()
    if there.last() is not None:
        return "checkpoints are there already and were left as they are"
    known = AuditCheckpoint.objects.count()
    lines = [json.loads(line) for line in b"".join(portions).splitlines()]
    for line in lines[:known]:  # The copies in the dump are older: a later line would say that rows are missing.
        there.append(line)
    return f"{min(known, len(lines))} lines put back"


def _archives() -> list[str]:
    anchors = AuditCheckpoint.objects.filter(kind="anchor").values_list("line", flat=True)
    return [line["file"] for line in anchors]


def _prove() -> tuple[Sequence[str], str]:
    report = verify()
    return [str(finding) for finding in report.findings[:SHOWN]], f"{report.rows} rows in {report.seconds:.1f} s"
