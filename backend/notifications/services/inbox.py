"""What a person has read of their inbox and of their desks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection

from backend.common import hooks
from backend.common.errors import Forbidden, NotFound
from backend.common.principal import AUDITOR, BANK_ADMIN, SUPPORT_AGENT, Principal
from backend.notifications.models import Delivery, DeliveryPreference, PushDevice, ReadMark
from backend.notifications.services import DESK_AUDITOR, DESK_BANK_ADMIN, DESK_SUPPORT, inbox_of
from backend.realtime import selectors as topics

DESKS = {SUPPORT_AGENT: DESK_SUPPORT, BANK_ADMIN: DESK_BANK_ADMIN, AUDITOR: DESK_AUDITOR}
KEPT_FOR = timedelta(days=30)
READ_ALL_MAX = 10_000


def require_desk(actor: Principal, role: str) -> str:
    """Return the desk's topic. Raises: Forbidden for who has not its role."""
    if not actor.has_role(role):
        raise Forbidden
    return DESKS[role]


def mark_read(*, actor: Principal, topic: str, seqs: Sequence[int]) -> int:
    """Keep that the actor has read these notices of a topic that is theirs; return how many were unread.

    Repeating changes nothing. Cancels what was still to be mailed of them.
    Raises: NotFound, when one of them does not exist.
    """
    head = topics.heads_of([topic]).get(topic, 0)
    if any(not 0 < seq <= head for seq in seqs):
        raise NotFound
    now = datetime.now(UTC)
    marks = [ReadMark(user_id=actor.id, topic=topic, seq=seq, read_at=now) for seq in seqs]
    before = ReadMark.objects.filter(user_id=actor.id, topic=topic, seq__in=seqs).count()
    ReadMark.objects.bulk_create(marks, ignore_conflicts=True)
    if topic == inbox_of(actor.id):
        cancelled = Delivery.objects.filter(user_id=actor.id, seq__in=seqs, state=Delivery.State.PENDING)
        cancelled.update(state=Delivery.State.CANCELLED, ended_at=now)
    return len(set(seqs)) - before


def mark_all_read(*, actor: Principal, topic: str) -> int:
    """Keep that the actor has read the topic's newest notices, 10,000 at most; return how many were unread."""
    head = topics.heads_of([topic]).get(topic, 0)
    read = ReadMark.objects.filter(user_id=actor.id, topic=topic, seq__gt=head - READ_ALL_MAX)
    unread = sorted(set(range(max(1, head - READ_ALL_MAX + 1), head + 1)) - set(read.values_list("seq", flat=True)))
    return mark_read(actor=actor, topic=topic, seqs=unread) if unread else 0


def unread_count(*, actor: Principal, topic: str) -> int:
    """Return how many of the topic's notices the actor has not read. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce((SELECT head FROM realtime_topic WHERE key = %(topic)s), 0)
                    - (SELECT count(*) FROM notifications_readmark WHERE user_id = %(user)s AND topic = %(topic)s)""",
            {"topic": topic, "user": actor.id},
        )
        return int(cursor.fetchone()[0])


def forget_person(erasure: hooks.Erasure) -> None:
    """Erasing a person: no more mails and pushes, and no trace of what they read."""
    ReadMark.objects.filter(user_id=erasure.user_id).delete()
    PushDevice.objects.filter(user_id=erasure.user_id).delete()
    Delivery.objects.filter(user_id=erasure.user_id).delete()
    DeliveryPreference.objects.filter(user_id=erasure.user_id).delete()
