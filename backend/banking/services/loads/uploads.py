"""A partner's file of customers as it arrives (S4-R5, S4-B15): loaded while the partner waits, or by workers.

With `USE_CELERY` it is sealed, cut into parts and queued, and the partner asks how far it is. While the broker is away
it is loaded here after all (E-S4-12), unless a worker has begun: the queue may have taken the job before the answer
was lost (BUG-S4-12). Without Celery only what is too much to wait for goes to this process's own threads.
"""

from collections.abc import Callable, Iterable

from django.conf import settings

from backend.banking import tasks
from backend.banking.loads.lines import Splitter
from backend.banking.models import UNDER_WAY, Load, LoadKind, LoadPart
from backend.banking.partner_errors import FileRefused
from backend.banking.partners import PartnerPrincipal
from backend.banking.services import imports
from backend.banking.services.imports import Outcome
from backend.banking.services.loads import running
from backend.banking.services.loads.customers import buckets_for
from backend.banking.services.loads.starting import PART, add_parts, lock_file, record_start
from backend.common import jobs, vault
from backend.common.unit_of_work import unit_of_work

Pieces = Callable[[], Iterable[bytes]]


def upload_customers(*, actor: PartnerPrincipal, name: str, pieces: Pieces) -> Outcome | Load:
    """Register the customers of a file: return what became of each line, or the load that will tell.

    Repeating: while it is under way, the same load; then every line names a customer who is there.
    Raises: FileRefused. After commit: a job for each part of the file.
    """
    if not settings.USE_CELERY and _lines_of(pieces()) <= imports.LINES_MAX:
        return imports.load_customers(actor=actor, pieces=pieces())
    load, parts = _received(actor, name, pieces())
    if parts and settings.USE_CELERY and not jobs.published(tasks.load_part, part_id=parts[0].pk):
        return _load_here(actor, load)
    for part in parts[1 if settings.USE_CELERY else 0 :]:
        jobs.enqueue(tasks.load_part, part_id=part.pk)
    return load


def _lines_of(pieces: Iterable[bytes]) -> int:
    return sum(piece.count(b"\n") for piece in pieces) + 1


def _received(actor: PartnerPrincipal, name: str, pieces: Iterable[bytes]) -> tuple[Load, list[LoadPart]]:
    """Seal the file and return its load with its parts; without parts, the one under way of the same file."""
    splitter = Splitter(PART)
    with vault.incoming(kind="load") as stored:
        for piece in pieces:
            if splitter.size == 0 and b"\x00" in piece:
                raise FileRefused("This is no text file in UTF-8.")
            stored.write(piece)
            splitter.feed(piece)
        stored.store()
        with unit_of_work():
            lock_file(stored.sha256)
            found = Load.objects.filter(
                kind=LoadKind.CUSTOMERS, bank=actor.bank_id, sha256=stored.sha256, state__in=UNDER_WAY
            ).first()
            if found is not None:
                return found, []
            lines = splitter.lines + 1
            load = Load.objects.create(
                kind=LoadKind.CUSTOMERS,
                bank_id=actor.bank_id,
                name=name.replace("\x00", "")[:200],
                sha256=stored.sha256,
                size=splitter.size,
                file=stored.keep(owner_id=None),
                key_prefix=actor.key_prefix,
                options={"buckets": buckets_for(lines), "lines": lines},
            )
            record_start(load)
            return load, add_parts(load, splitter.parts())


def _load_here(actor: PartnerPrincipal, load: Load) -> Outcome | Load:
    """Load a whole file in this process, in one transaction, unless somebody has begun; the queue may have had it.

    Locks: the parts, then the load: as whoever works on them does.
    """
    with unit_of_work():
        parts = list(LoadPart.objects.select_for_update().filter(owner=load).order_by("pk"))
        found = Load.objects.select_for_update(of=("self",)).select_related("file").get(pk=load.pk)
        if found.file is None or any(part.is_done or part.position != part.start for part in parts):
            return found
        if found.options["lines"] > imports.LINES_MAX:
            for part in parts:
                jobs.enqueue(tasks.load_part, part_id=part.pk)
            return found
        outcome = imports.store_file(actor=actor, pieces=vault.portions(found.file))
        running.close(found, outcome)
    return outcome
