"""Who can be given a chat: agents who are switched on and hold a lease (design.md, who answers)."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from backend.common.principal import SUPPORT_AGENT
from backend.identity.models import User
from backend.support.models import AgentStatus, Chat


def renew_leases(user_ids: Iterable[int]) -> None:
    """Hold the leases of these agents for another minute. One statement, safe to repeat, locks in id order."""
    until = datetime.now(UTC) + timedelta(seconds=settings.REALTIME["lease_seconds"])
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO support_agentstatus (user_id, is_switched_on, lease_until)
               SELECT id, true, %s FROM identity_user WHERE id = ANY(%s) AND is_active ORDER BY id
               ON CONFLICT (user_id) DO UPDATE SET lease_until = excluded.lease_until""",
            [until, sorted(set(user_ids))],
        )


def active_agents() -> QuerySet[User]:
    """Everybody who answers chats: an active user whose role SUPPORT_AGENT is on."""
    return User.objects.filter(
        is_active=True,
        user_roles__is_active=True,
        user_roles__role__name=SUPPORT_AGENT,
        user_roles__role__is_active=True,
    )


def pick_agent(*, customer_id: int) -> int | None:
    """Return the available agent with the fewest open chats, the longest unassigned first; None when nobody is.

    Locks: assigning as a whole until commit, so that chats opened at once count one another. A row lock would not do:
    whoever waited for it would go on with the order of before.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('support.assign', 0))")
    open_chats = (
        Chat.objects.filter(admin_id=OuterRef("user_id"), closed_at=None)
        .order_by()
        .values("admin_id")
        .annotate(n=Count("*"))
        .values("n")
    )
    chosen = (
        AgentStatus.objects.filter(is_switched_on=True, lease_until__gt=datetime.now(UTC))
        .filter(user__in=active_agents())
        .exclude(user_id=customer_id)
        .annotate(load=Coalesce(Subquery(open_chats), 0))
        .order_by("load", F("last_assigned_at").asc(nulls_first=True), "user_id")
        .first()
    )
    if chosen is None:
        return None
    AgentStatus.objects.filter(pk=chosen.pk).update(last_assigned_at=datetime.now(UTC))
    return chosen.pk
