"""Erasing a person from the trail: their values go, the rows stay, and a row says which values went."""

from django.db import connection

from backend.audit.offline.chain import ERASED
from backend.audit.services.recording import record
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work

NAMED_AT_ONCE = 2000


def erase_details(erasure: hooks.Erasure) -> None:
    """Delete the values that are about the person. The rows keep their salted hashes, which no longer tell anything.

    Repeating it deletes nothing, and records nothing. Locks: the values' rows.
    """
    with unit_of_work(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('ease.audit', 'erase', true)")
        cursor.execute("DELETE FROM audit_detail WHERE subject_id = %s RETURNING row_id", [erasure.user_id])
        gone = sorted(row_id for (row_id,) in cursor.fetchall())
        cursor.execute("SELECT set_config('ease.audit', '', true)")
        for start in range(0, len(gone), NAMED_AT_ONCE):
            record(
                actor_id=erasure.user_id,
                action=ERASED,
                subject_id=erasure.user_id,
                facts={"rows": gone[start : start + NAMED_AT_ONCE]},
            )
