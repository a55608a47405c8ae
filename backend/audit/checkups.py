"""The doctor's looks at the trail: its keys, its place outside of the database, whether somebody seals and verifies."""

from collections.abc import Iterator

from django.conf import settings
from django.db import connection

from backend.audit.checkpoints import place
from backend.audit.models import AuditCheckpoint, SecurityEvent
from backend.common.checkups import Finding, fine, trouble, warning

SEALS_LATE_S, CHECKS_LATE_S = 300, 600
_STATE = """
SELECT (SELECT extract(epoch FROM now() - l.at) FROM audit_pending p JOIN audit_log l ON l.id = p.row_id
        ORDER BY p.row_id LIMIT 1),
    (SELECT extract(epoch FROM now() - at) FROM audit_patrol LIMIT 1)
"""


def trail() -> Iterator[Finding]:
    yield _keys()
    yield _checkpoints()
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        waited, since = cursor.fetchone()
    if (waited or 0) > SEALS_LATE_S:
        yield warning(
            f"a row has waited {waited:.0f} s for its seal",
            "Start a server or a worker with beat; end old transactions.",
        )
    if (since or 0) > CHECKS_LATE_S:
        yield warning(f"nobody has verified for {since:.0f} s", "Start a server, or a worker with beat.")
    broken = SecurityEvent.objects.filter(event_type="DATA_CORRUPTION", resolved=False).count()
    if broken:
        yield trouble(f"{broken} findings of the patrols are open", "See backend/docs/operations.md: copy first.")


def _keys() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("""WITH used AS (
                (SELECT key FROM audit_seal ORDER BY seq LIMIT 1)
                UNION (SELECT key FROM audit_seal ORDER BY seq DESC LIMIT 1))
            SELECT key FROM used UNION (SELECT key FROM audit_log ORDER BY id DESC LIMIT 1)""")
        missing = {number for (number,) in cursor.fetchall()} - set(settings.AUDIT_KEYS)
    if missing:
        return trouble(
            f"AUDIT_KEY lacks version {min(missing)}", "Configure it again: rows cannot be proved without it."
        )
    return fine(f"AUDIT_KEY has {len(settings.AUDIT_KEYS)} versions, all that is needed")


def _checkpoints() -> Finding:
    try:
        last = place().last()
    except OSError as fault:
        return trouble(f"AUDIT_CHECKPOINTS cannot be read: {type(fault).__name__}", "Bring that place back.")
    newest = AuditCheckpoint.objects.order_by("-number").values_list("number", flat=True).first() or 0
    there = last["number"] if last else 0
    if there < newest:
        return trouble(
            f"the place knows {there} checkpoints, the database {newest}",
            "Somebody set it back, or it is another place.",
        )
    return fine(f"{there} checkpoints are kept")
