"""Changing a rule that people are held to, and telling those whom it affects (E-COMP-3).

A change is announced with the day from which it counts. A job then tells each person once, in their inbox and by mail,
in batches, and goes on where it stopped. People read and acknowledge at `/api/profile/notices/`.
`version_in_force` is what a rule's own code asks: the old version counts until the day has come.
"""

from datetime import UTC, date, datetime, timedelta

from django.db.models import Exists, Max, OuterRef, QuerySet

from backend.audit import services as audit
from backend.common import jobs
from backend.common.errors import Forbidden, NotFound
from backend.common.principal import CUSTOMER, Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity import tasks
from backend.identity.errors import RuleChangeRefused
from backend.identity.models import RuleChange, RuleNotice, User, UserRole
from backend.notifications import services as notifications
from backend.notifications.notices import RulesChanged

BATCH = 200
TELL_AGAIN_AFTER = timedelta(minutes=15)


def announce(
    *, actor: Principal | None, key: str, title: str, text: str, affects: str, effective_on: date
) -> RuleChange:
    """Announce the next version of a rule and have those whom it affects told. `actor` is None for a command.

    Raises: Forbidden (no superuser), RuleChangeRefused (a day that is over, or before an announced version's).
    Locks: the newest version of the rule, so that two at once get two numbers.
    """
    if actor is not None and not actor.is_superuser:
        raise Forbidden
    if affects not in RuleChange.Affects.values:
        raise RuleChangeRefused(f"Affects one of {', '.join(RuleChange.Affects.values)}.")
    if effective_on < datetime.now(UTC).date():
        raise RuleChangeRefused("A rule cannot count from a day that is over.")
    with unit_of_work():
        newest = RuleChange.objects.filter(key=key).order_by("-version").select_for_update(no_key=True).first()
        if newest is not None and newest.effective_on > effective_on:
            raise RuleChangeRefused(f"Version {newest.version} counts from {newest.effective_on} on, which is later.")
        change = RuleChange.objects.create(
            key=key,
            version=newest.version + 1 if newest is not None else 1,
            title=title,
            text=text,
            affects=affects,
            effective_on=effective_on,
            announced_by_id=actor.id if actor is not None else None,
        )
        facts = {"key": key, "version": change.version, "affects": affects, "effective_on": effective_on.isoformat()}
        audit.record(actor_id=change.announced_by_id, action="rule.announced", target=change, facts=facts)
        jobs.enqueue(tasks.tell_of_rule, change_id=change.pk)
    return change


def version_in_force(key: str, on: date | None = None) -> int:
    """Return the version of the rule that counts on a day, by default today; 0 where none was announced."""
    day = on or datetime.now(UTC).date()
    found = RuleChange.objects.filter(key=key, effective_on__lte=day).aggregate(newest=Max("version"))
    return int(found["newest"] or 0)


def tell_batch(*, change_id: int) -> bool:
    """Tell the next people whom a change affects; return whether there may be more. Nobody is told twice.

    Locks: the change, so that two jobs do not tell the same people. After commit: `rules.changed`, and mails.
    """
    with unit_of_work() as unit:
        change = RuleChange.objects.select_for_update(no_key=True).filter(pk=change_id, told_at=None).first()
        if change is None:
            return False
        told = RuleNotice.objects.filter(change=change, user=OuterRef("pk"))
        left = _affected(change).filter(~Exists(told), is_active=True).order_by("pk")
        people = list(left.values_list("pk", flat=True)[:BATCH])
        if not people:
            change.told_at = datetime.now(UTC)
            change.save(update_fields=["told_at"])
            return False
        RuleNotice.objects.bulk_create(RuleNotice(change=change, user_id=user_id) for user_id in people)
        notice = RulesChanged(change_id=change.pk, title=change.title, effective_on=change.effective_on.isoformat())
        notifications.tell(unit, topics=map(notifications.inbox_of, people), notice=notice)
        jobs.enqueue(tasks.mail_of_rule, change_id=change.pk, user_ids=people)
    return True


def unfinished() -> list[int]:
    """Return the changes whose telling was lost on the way."""
    old = datetime.now(UTC) - TELL_AGAIN_AFTER
    return list(RuleChange.objects.filter(told_at=None, announced_at__lt=old).values_list("pk", flat=True))


def list_notices(*, actor: Principal) -> QuerySet[RuleNotice]:
    """What the caller was told, newest first."""
    return RuleNotice.objects.filter(user_id=actor.id).select_related("change")


def acknowledge(*, actor: Principal, notice_id: int) -> RuleNotice:
    """Say that one has read it. Repeating changes nothing. Raises: NotFound. Locks: the notice."""
    with unit_of_work():
        mine = RuleNotice.objects.filter(pk=notice_id, user_id=actor.id).select_related("change")
        notice = mine.select_for_update(of=("self",), no_key=True).first()
        if notice is None:
            raise NotFound
        if notice.acknowledged_at is None:
            notice.acknowledged_at = datetime.now(UTC)
            notice.save(update_fields=["acknowledged_at"])
            audit.record(actor_id=actor.id, action="rule.acknowledged", target=notice.change)
    return notice


def _affected(change: RuleChange) -> QuerySet[User]:
    everybody = User.objects.all()
    if change.affects == RuleChange.Affects.STAFF:
        return everybody.filter(is_staff=True)
    if change.affects == RuleChange.Affects.EVERYBODY:
        return everybody
    held = UserRole.objects.filter(user=OuterRef("pk"), role__name=CUSTOMER, is_active=True)
    customers = everybody.filter(Exists(held))
    if change.affects == RuleChange.Affects.UNVERIFIED:
        return customers.exclude(kyc_status=User.KycStatus.APPROVED)
    return customers
