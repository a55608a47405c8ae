"""Everything about oneself, as an archive: asked for, made by a job, fetched once (E-COMP-4, docs/privacy.md).

One at a time for each person. The archive is sealed before it touches a disk (common/vault.py), is made in constant
memory from what each slice adds (`hooks.person_exported`), in a transaction that sees one moment, and its key is
destroyed when it was fetched or has expired.
"""

import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Q

from backend.audit import services as audit
from backend.common import hooks, jobs, vault
from backend.common.errors import TooMany
from backend.common.principal import Principal
from backend.common.rendering import dumps
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.identity import tasks
from backend.identity.errors import ExportGone, ExportOpen
from backend.identity.models import PersonExport, User
from backend.notifications import services as notifications
from backend.notifications.notices import ExportFailed, ExportFinished, Notice

log = structlog.get_logger(__name__)

State = PersonExport.State
KEPT_FOR = timedelta(days=3)
A_DAY_MAX = 5
ATTEMPTS_MAX = 3
# How long a job may take before it is given to another, and a download before its file goes.
TRY_AGAIN_AFTER = timedelta(minutes=15)
FETCHED_WITHIN = timedelta(hours=1)

README = """This archive holds what Ease keeps about you, as of {moment}.

Every file is JSON: a list of objects, times in UTC. Personal data of others is left out; where somebody else was part
of something, only how they were called is named. Passwords and keys are stored as hashes or sealed, and are not here.

{files}
The archive was yours to fetch once; what remains of it with us can no longer be read. Whatever is wrong in it, or
missing from it: tell us. You may have your account erased by DELETE /api/user/me/.
"""


def find_latest(*, actor: Principal) -> PersonExport | None:
    """Return the person's newest export, whatever became of it."""
    return PersonExport.objects.filter(user_id=actor.id).select_related("file").first()


def request_export(*, actor: Principal) -> PersonExport:
    """Have an archive made. Raises: ExportOpen (one is being made, or waits to be fetched), TooMany (five a day).

    Locks: the user row, so that of two requests at once one is taken. After commit: the job.
    """
    now = datetime.now(UTC)
    with unit_of_work():
        user = User.objects.select_for_update(no_key=True).get(pk=actor.id)
        mine = PersonExport.objects.filter(user=user)
        if mine.filter(Q(state=State.PENDING) | Q(state=State.READY, expires_at__gt=now)).exists():
            raise ExportOpen
        _expire(mine.filter(state=State.READY))
        today = mine.filter(asked_at__gt=now - timedelta(days=1)).order_by("asked_at")
        if today.count() >= A_DAY_MAX:
            oldest = today.values_list("asked_at", flat=True)[0]
            raise TooMany(retry_after_s=int((oldest + timedelta(days=1) - now).total_seconds()) + 1)
        made = PersonExport.objects.create(user=user)
        audit.record(actor_id=user.pk, action="export.requested", target=user, facts={"export": str(made.pk)})
        jobs.enqueue(tasks.write_export, export_id=str(made.pk))
        jobs.enqueue(tasks.mail_about_security, user_id=user.pk, what="export.requested")
    return made


def write_export(*, export_id: UUID) -> None:
    """Make the archive. Repeating: nothing for one that is done; of two at once the first to finish counts.

    After commit: `export.finished` to the person. What fails is tried again by `sweep`, three times in all.
    """
    pending = PersonExport.objects.filter(pk=export_id, state=State.PENDING)
    if not pending.filter(user__is_active=True).exists():
        return
    export = pending.get()
    pending.update(attempts=export.attempts + 1, tried_at=datetime.now(UTC))
    with vault.incoming(kind="export") as file:
        with transaction.atomic():
            _see_one_moment()
            _write_archive(file, export.user_id)
        file.store()
        with unit_of_work() as unit:
            open_still = pending.select_for_update(no_key=True).first()
            if open_still is None:
                return  # Another job was faster; this file goes.
            now = datetime.now(UTC)
            open_still.file = file.keep(owner_id=export.user_id)
            open_still.state, open_still.finished_at, open_still.expires_at = State.READY, now, now + KEPT_FOR
            open_still.save()
            told = ExportFinished(export_id=str(export_id), expires_at=open_still.expires_at.isoformat())
            _tell(unit, export.user_id, told)


def fetch_export(*, actor: Principal, export_id: UUID) -> tuple[Iterator[bytes], int]:
    """Return the archive's bytes, portion by portion, and how many they are. Once: nobody gets them again.

    Raises: ExportGone (another's, unfinished, fetched, expired), StorageAway and FileDamaged (and it stays unfetched).
    Locks: the export, so that of two at once one gets it.
    """
    ready = PersonExport.objects.filter(
        pk=export_id, user_id=actor.id, state=State.READY, expires_at__gt=datetime.now(UTC)
    )
    found = ready.select_related("file").first()
    if found is None or found.file is None:
        raise ExportGone
    size, portions = found.file.size, vault.portions(found.file)
    try:
        with unit_of_work():
            if not ready.update(state=State.FETCHED, fetched_at=datetime.now(UTC)):
                raise ExportGone
            audit.record(actor_id=actor.id, action="export.downloaded", facts={"export": str(export_id)})
    except BaseException:
        cast(Any, portions).close()
        raise
    return _Fetched(portions, found.file.pk), size


class _Fetched:
    """The portions; when they were read, or the reader has gone, the file is destroyed."""

    def __init__(self, portions: Iterator[bytes], file_id: UUID) -> None:
        self._portions, self._file_id = portions, file_id

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._portions)

    def close(self) -> None:
        cast(Any, self._portions).close()
        jobs.enqueue(tasks.discard_files, ids=[str(self._file_id)])


def sweep() -> None:
    """Expire what nobody fetched, destroy what was fetched, and give jobs that were lost to another (by the clock)."""
    now = datetime.now(UTC)
    with unit_of_work():
        _expire(PersonExport.objects.filter(state=State.READY, expires_at__lte=now))
        gone = PersonExport.objects.filter(state=State.FETCHED, fetched_at__lt=now - FETCHED_WITHIN)
        vault.discard(gone.filter(file__destroyed_at=None).exclude(file=None).values_list("file_id", flat=True))
    lost = PersonExport.objects.filter(state=State.PENDING).filter(
        Q(tried_at__lt=now - TRY_AGAIN_AFTER) | Q(tried_at=None, asked_at__lt=now - TRY_AGAIN_AFTER)
    )
    for export in lost:
        if export.attempts < ATTEMPTS_MAX:
            jobs.enqueue(tasks.write_export, export_id=str(export.pk))
        else:
            _give_up(export)


def forget(user_id: int) -> None:
    """Destroy the archives of somebody who is erased, in the caller's transaction."""
    mine = PersonExport.objects.filter(user_id=user_id)
    vault.discard(mine.exclude(file=None).values_list("file_id", flat=True))
    mine.delete()


def _expire(exports: Any) -> None:
    files = list(exports.exclude(file=None).values_list("file_id", flat=True))
    exports.update(state=State.EXPIRED)
    vault.discard(files)


def _give_up(export: PersonExport) -> None:
    with unit_of_work() as unit:
        if PersonExport.objects.filter(pk=export.pk, state=State.PENDING).update(state=State.FAILED):
            log.error("export.given_up", export=str(export.pk))
            _tell(unit, export.user_id, ExportFailed(export_id=str(export.pk)))


def _tell(unit: UnitOfWork, user_id: int, notice: Notice) -> None:
    audit.record(actor_id=None, action=notice.kind, subject_id=user_id)
    notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)
    jobs.enqueue(tasks.mail_about_security, user_id=user_id, what=notice.kind)


def _see_one_moment() -> None:
    """Have all that is read from here on be of one moment. Inside another transaction that is that one's to say."""
    if not connection.savepoint_ids:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _write_archive(out: Any, user_id: int) -> None:
    written: dict[str, int] = {}
    front_to_back: Any = _Unseekable(out)
    with zipfile.ZipFile(front_to_back, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, rows: Iterable[Mapping[str, Any]]) -> None:
            if name in written:
                raise RuntimeError(f"two slices export {name}")
            with archive.open(name, "w", force_zip64=True) as entry:
                written[name] = _write_rows(entry, rows)

        hooks.person_exported(hooks.Export(user_id, add))
        lines = "".join(f"{name}: {count} {'entry' if count == 1 else 'entries'}\n" for name, count in written.items())
        moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        archive.writestr("README.txt", README.format(moment=moment, files=lines))


def _write_rows(entry: Any, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    for count, row in enumerate(rows, start=1):
        entry.write((b"[\n" if count == 1 else b",\n") + dumps(row))
    entry.write(b"\n]\n" if count else b"[]\n")
    return count


class _Unseekable:
    """What a zip file is written to from front to back."""

    def __init__(self, out: Any) -> None:
        self._out = out

    def write(self, data: bytes) -> int:
        return int(self._out.write(bytes(data)))

    def flush(self) -> None:
        """Nothing is held back."""
