"""When all parts of a phase are done: the next phase, or the end. And the end of what cannot be loaded.

Whatever ends a load lets its sealed file go, and is in the trail once, with its counts.
"""

import uuid
from datetime import UTC, datetime

from django.db import connection

from backend.audit import services as audit
from backend.banking import tasks
from backend.banking.models import UNDER_WAY, Load, LoadKind, LoadPart, LoadRow, LoadState
from backend.banking.selectors.loads import counts_of
from backend.common import jobs, vault
from backend.common.unit_of_work import unit_of_work

_BUCKETS = "SELECT DISTINCT bucket FROM banking_loadrow WHERE load = %s ORDER BY bucket"


def go_on(load_id: uuid.UUID, phase: str) -> None:
    """End a phase if all of its parts are done, in the caller's transaction.

    Locks: the load, so that of two last parts the later one sees the other's end.
    After commit: the parts of the next phase.
    """
    load = Load.objects.select_for_update().get(pk=load_id)
    if LoadPart.objects.filter(owner=load, phase=phase, is_done=False).exists():
        return
    if load.kind == LoadKind.CUSTOMERS and phase == LoadPart.Phase.READ and _store_buckets(load):
        load.state = LoadState.STORING
        load.save(update_fields=["state"])
    else:
        finish(load)


def finish(load: Load) -> None:
    """Say that a load is through, in the caller's transaction. It is locked."""
    _end(load, LoadState.DONE, "load.finished")


def fail(load_id: uuid.UUID, fault: str) -> None:
    """Give a load up; what was stored stays. Repeating: changes nothing. Locks: the load."""
    with unit_of_work():
        load = Load.objects.select_for_update().get(pk=load_id)
        if load.state in UNDER_WAY:
            load.fault = fault
            LoadRow.objects.filter(load=load.pk).delete()
            _end(load, LoadState.FAILED, "load.failed")


def _end(load: Load, state: LoadState, action: str) -> None:
    stored = load.file_id
    load.state, load.finished_at, load.file = state, datetime.now(UTC), None
    load.save(update_fields=["state", "finished_at", "file", "fault"])
    if stored is not None:
        vault.discard([stored])
    facts = {"bank": str(load.bank_id), **counts_of(load)}
    audit.record(actor_id=None, action=action, target=load, facts=facts)


def _store_buckets(load: Load) -> bool:
    """Make a part of each bucket in which something waits; return whether there are any."""
    with connection.cursor() as cursor:
        cursor.execute(_BUCKETS, [load.pk])
        parts = [LoadPart(owner=load, phase=LoadPart.Phase.STORE, number=bucket) for (bucket,) in cursor.fetchall()]
    for part in LoadPart.objects.bulk_create(parts):
        jobs.enqueue(tasks.load_part, part_id=part.pk)
    return bool(parts)
