"""Who can be given a chat: agents who are switched on, hold a lease, are on duty and have room."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from backend.audit import services as audit
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.support.errors import ScheduleRefused
from backend.support.models import AgentStatus, Chat
from backend.support.services import access

WINDOWS_MAX = 28
LOAD_MAX = 100


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


def lock_agent(user_id: int) -> bool:
    """Whether somebody is an agent, and stays one until commit: whoever takes the role away waits, and then finds what
    this transaction did.

    Locks: the user row, shared. To be called before a chat is locked, as those who take roles away lock it first.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM identity_user WHERE id = %s FOR SHARE", [user_id])
    return active_agents().filter(pk=user_id).exists()  # A statement of its own: it sees what the lock waited for.


def pick_agent(*, customer_id: int) -> int | None:
    """Return the available agent with the fewest open chats, the longest unassigned first; None when nobody is.

    Locks: assigning as a whole until commit, so that chats opened at once count one another. A row lock would not do:
    whoever waited for it would go on with the order of before. Then the agent (lock_agent).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('support.assign', 0))")
    now = datetime.now(UTC)
    candidates = (
        _with_load(AgentStatus.objects.all())
        .filter(is_switched_on=True, lease_until__gt=now, user__in=active_agents())
        .filter(load__lt=Coalesce("load_max", settings.SUPPORT["load_max"]))
        .exclude(user_id=customer_id)
        .order_by("load", F("last_assigned_at").asc(nulls_first=True), "user_id")
    )
    for status in candidates:
        if is_on_duty(status, now) and lock_agent(status.pk):
            AgentStatus.objects.filter(pk=status.pk).update(last_assigned_at=now)
            return status.pk
    return None


def _with_load(statuses: QuerySet[AgentStatus]) -> QuerySet[Any]:
    """Count the open chats of each that are not snoozed."""
    busy = Q(snoozed_until=None) | Q(snoozed_until__lte=datetime.now(UTC))
    chats = Chat.objects.filter(busy, admin_id=OuterRef("user_id"), closed_at=None)
    counts = chats.order_by().values("admin_id").annotate(n=Count("*")).values("n")
    return statuses.annotate(load=Coalesce(Subquery(counts), 0))


# Availability


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of a weekday, 0 for Monday, in the agent's time zone; with an end not after its start, past midnight."""

    day: int
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Availability:
    """What an agent has set, and what follows from it now."""

    is_switched_on: bool
    is_available: bool
    open_chats: int
    load_max: int
    own_load_max: int | None
    time_zone: str
    schedule: Sequence[dict[str, Any]]


def availability_of(*, actor: Principal) -> Availability:
    """Return whether the caller is given chats, and why not. Raises: NotAnAgent."""
    access.require_agent(actor)
    status = _with_load(AgentStatus.objects.filter(pk=actor.id)).first() or AgentStatus(user_id=actor.id)
    now, load = datetime.now(UTC), getattr(status, "load", None)
    load = Chat.objects.filter(admin_id=actor.id, closed_at=None).count() if load is None else load
    load_max = status.load_max or settings.SUPPORT["load_max"]
    has_lease = status.lease_until is not None and status.lease_until > now
    return Availability(
        is_switched_on=status.is_switched_on,
        is_available=status.is_switched_on and has_lease and is_on_duty(status, now) and load < load_max,
        open_chats=load,
        load_max=load_max,
        own_load_max=status.load_max,
        time_zone=status.time_zone,
        schedule=status.schedule,
    )


def set_availability(*, actor: Principal, changes: dict[str, Any]) -> Availability:
    """Change any of `is_switched_on`, `load_max` (None: the desk's usual one), `time_zone`, `schedule` (windows).

    Gives and takes no chat: what waits is taken by hand, and what the agent has stays theirs.
    Raises: NotAnAgent, ScheduleRefused. Locks: the agent's status.
    """
    access.require_agent(actor)
    if "time_zone" in changes:
        _zone(changes["time_zone"])
    if "schedule" in changes:
        changes = {**changes, "schedule": _checked(changes["schedule"])}
    with unit_of_work():
        AgentStatus.objects.get_or_create(user_id=actor.id)
        status = AgentStatus.objects.select_for_update(no_key=True).get(pk=actor.id)
        changed = {name: value for name, value in changes.items() if getattr(status, name) != value}
        for name, value in changed.items():
            setattr(status, name, value)
        if changed:
            status.save(update_fields=list(changed))
            audit.record(actor_id=actor.id, action="agent.availability_changed", target=status, facts=changed)
    return availability_of(actor=actor)


def is_on_duty(status: AgentStatus, moment: datetime) -> bool:
    """Whether the moment is within the agent's week; without a schedule it always is."""
    if not status.schedule:
        return True
    local = moment.astimezone(_zone(status.time_zone))
    return any(_covers(Window(**window), local) for window in status.schedule)


def _covers(window: Window, local: datetime) -> bool:
    start, end, now = time.fromisoformat(window.start), time.fromisoformat(window.end), local.time()
    if start < end:
        return local.weekday() == window.day and start <= now < end
    is_first_part = local.weekday() == window.day and now >= start
    return is_first_part or (local.weekday() == (window.day + 1) % 7 and now < end)


def _checked(windows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return windows of whole minutes. Raises: ScheduleRefused."""
    if len(windows) > WINDOWS_MAX:
        raise ScheduleRefused("schedule", f"At most {WINDOWS_MAX} windows.")
    found = []
    for window in windows:
        if not 0 <= window["day"] <= 6:
            raise ScheduleRefused("schedule", "`day` is 0 for Monday to 6 for Sunday.")
        found.append({"day": window["day"], "start": _minute(window["start"]), "end": _minute(window["end"])})
    return found


def _minute(text: str) -> str:
    try:
        return datetime.strptime(text, "%H:%M").strftime("%H:%M")  # noqa: DTZ007 - a time of day, in whatever zone
    except ValueError:
        raise ScheduleRefused("schedule", "Times are written as HH:MM, 00:00 to 23:59.") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleRefused("time_zone", "This time zone is not known; write it as Europe/Berlin.") from None
