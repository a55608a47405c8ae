"""A rule that is silent for a while: for one account, one person, or, for a day at most, for all."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from backend.audit import services as audit
from backend.common.errors import Forbidden
from backend.common.principal import BANK_ADMIN, Principal
from backend.common.unit_of_work import unit_of_work
from backend.fraud.errors import ReasonMissing, SnoozeRefused, SnoozeUnknown
from backend.fraud.models import Assessment, Snooze
from backend.fraud.rulesets import CODES
from backend.identity.models import User

LONGEST = timedelta(days=30)
LONGEST_FOR_ALL = timedelta(days=1)


def snooze(
    *, actor: Principal, rule: str, reason: str, until: datetime, account_id: str = "", user_id: int | None = None
) -> Snooze:
    """Have a rule add no points until a time: for an account or a person at most for 30 days, for all at most for one.
    Each verdict says which rules were silent.

    Raises: Forbidden, ReasonMissing, SnoozeRefused (no such rule or person, a time too near or far, for oneself).
    """
    if not actor.has_role(BANK_ADMIN):
        raise Forbidden
    if not reason.strip():
        raise ReasonMissing
    _check(actor, rule, until, account_id, user_id)
    with unit_of_work():
        made = Snooze.objects.create(
            rule=rule,
            account_id=account_id,
            user_id=user_id,
            reason=reason.strip(),
            created_by_id=actor.id,
            until=until,
        )
        facts = {"rule": rule, "account": account_id, "until": until, "for_all": not account_id and user_id is None}
        audit.record(actor_id=actor.id, action="fraud.rule_snoozed", target=made, subject_id=user_id, facts=facts)
    return made


def end_snooze(*, actor: Principal, snooze_id: UUID) -> None:
    """Have a rule speak again before its time. Raises: Forbidden, SnoozeUnknown. Locks: the snooze."""
    if not actor.has_role(BANK_ADMIN):
        raise Forbidden
    with unit_of_work():
        now = datetime.now(UTC)
        open_ones = Snooze.objects.select_for_update(no_key=True).filter(ended_at=None, until__gt=now)
        found = open_ones.filter(pk=snooze_id).first()
        if found is None:
            raise SnoozeUnknown
        found.ended_by_id, found.ended_at = actor.id, now
        found.save(update_fields=["ended_by", "ended_at"])
        facts = {"rule": found.rule}
        audit.record(
            actor_id=actor.id, action="fraud.snooze_ended", target=found, subject_id=found.user_id, facts=facts
        )


def _check(actor: Principal, rule: str, until: datetime, account_id: str, user_id: int | None) -> None:
    now = datetime.now(UTC)
    if rule not in CODES:
        raise SnoozeRefused(f"One of {', '.join(CODES)}.")
    if account_id and user_id is not None:
        raise SnoozeRefused("Either an account or a person.")
    longest = LONGEST if account_id or user_id is not None else LONGEST_FOR_ALL
    if not now < until <= now + longest:
        raise SnoozeRefused(f"Until a time to come, at most {longest.days} days away.")
    if user_id is not None and not User.objects.filter(pk=user_id).exists():
        raise SnoozeRefused("There is no such person.")
    own = bool(account_id) and Assessment.objects.filter(user_id=actor.id, account_id=account_id).exists()
    if own or user_id == actor.id:
        raise SnoozeRefused("Nobody snoozes a rule for themselves.")
