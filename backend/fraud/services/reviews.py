"""Alerts under review: claimed for a while by one person, decided by one, or above an amount by two.

Lock order: the alert, then what `hooks.fraud_decided` has banking lock: the transfer, its accounts by id. Nothing here
locks a person's row, which whoever raises a signal may hold.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q

from backend.audit import services as audit
from backend.common import hooks, jobs
from backend.common.errors import Forbidden
from backend.common.principal import BANK_ADMIN, Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.fraud import selectors, tasks
from backend.fraud.errors import (
    AlertClaimed,
    AlertDecided,
    AlertUndecided,
    AlertUnknown,
    OwnAlert,
    ReasonMissing,
    SecondPersonNeeded,
)
from backend.fraud.models import AlertNote, FraudAlert
from backend.fraud.services.telling import tell_claim, tell_decision, tell_proposal, time_text

Status, Verdict, Label = FraudAlert.Status, FraudAlert.Verdict, FraudAlert.Label
_OUTCOMES = {
    Verdict.RELEASE: (Status.RELEASED, Label.FALSE_POSITIVE),
    Verdict.REJECT: (Status.REJECTED, Label.TRUE_POSITIVE),
}


def claim(*, actor: Principal, alert_id: str) -> FraudAlert:
    """Make the caller the alert's reviewer for `FRAUD_CLAIM_MINUTES`, and return it.

    Repeating: for its reviewer, the claim lasts longer. A claim that has run out is anybody's.
    Raises: Forbidden, OwnAlert, AlertUnknown, AlertDecided, AlertClaimed. Locks: the alert.
    After commit: `fraud.claimed` to the desks.
    """
    with unit_of_work() as unit:
        alert = _undecided(actor, alert_id)
        fresh = _claimed_until(alert) is None
        alert.claimed_by_id = actor.id
        alert.claimed_until = datetime.now(UTC) + timedelta(minutes=settings.FRAUD_CLAIM_MINUTES)
        alert.save(update_fields=["claimed_by", "claimed_until"])
        if fresh:
            audit.record(actor_id=actor.id, action="fraud.alert_claimed", target=alert, subject_id=alert.user_id)
        tell_claim(unit, alert)
    return alert


def give_back(*, actor: Principal, alert_id: str) -> None:
    """End the caller's claim. Repeating it changes nothing. Raises and locks: as `claim`."""
    with unit_of_work() as unit:
        alert = _undecided(actor, alert_id)
        if alert.claimed_by_id == actor.id:
            _unclaim(unit, alert, by_id=actor.id)


def decide(*, actor: Principal, alert_id: str, verdict: str, reason: str) -> FraudAlert:
    """Release or reject what the alert is about, and return it. Deciding claims by itself.

    Where money from `FRAUD_SECOND_PERSON_FROM` on is held, the first person's verdict is a proposal (PROPOSED). Another
    person who says the same decides; one who says the contrary makes that the proposal.
    Raises: Forbidden, OwnAlert, AlertUnknown, AlertDecided, AlertClaimed (a colleague has it), ReasonMissing,
    SecondPersonNeeded (one's own proposal again), and what a listener of `hooks.fraud_decided` raises: then nothing is
    decided.
    Locks: the alert, then what those listeners lock.
    After commit: `fraud.decided`, or `fraud.proposed`, to the desks; the person's risk profile is derived anew.
    """
    if not reason.strip():
        raise ReasonMissing
    with unit_of_work() as unit:
        alert = _undecided(actor, alert_id)
        is_proposed = alert.status == Status.PROPOSED and alert.proposed_verdict == verdict
        if is_proposed and alert.proposed_by_id == actor.id:
            raise SecondPersonNeeded
        if _takes_two(alert) and not is_proposed:
            _propose(unit, actor, alert, verdict, reason.strip())
        else:
            _settle(unit, actor, alert, verdict, reason.strip())
    return alert


def expire_alert(*, subject_kind: str, subject_id: str) -> bool:
    """Let the time of a held subject run out; return whether nobody had decided. Banking voids the hold then, in the
    same unit of work, after this: the alert is locked first.

    Locks: the alert; waits for somebody who is deciding. After commit: `fraud.decided` to the desks.
    """
    with unit_of_work() as unit:
        held = FraudAlert.objects.select_for_update(no_key=True).filter(is_held=True)
        alert = held.filter(subject_kind=subject_kind, subject_id=subject_id).first()
        if alert is None or alert.is_decided:
            return False
        alert.status, alert.decided_at = Status.EXPIRED, datetime.now(UTC)
        alert.claimed_by = alert.claimed_until = None
        alert.save(update_fields=["status", "decided_at", "claimed_by", "claimed_until"])
        audit.record(actor_id=None, action="fraud.alert_expired", target=alert, subject_id=alert.user_id)
        tell_decision(unit, alert)
    return True


def add_note(*, actor: Principal, alert_id: str, text: str) -> AlertNote:
    """Write a note on an alert, decided or not, for other reviewers. Raises: Forbidden, OwnAlert, AlertUnknown."""
    with unit_of_work():
        alert = _locked(actor, alert_id)
        note = AlertNote.objects.create(alert=alert, author_id=actor.id, text=text)
        audit.record(actor_id=actor.id, action="fraud.note_added", target=alert, subject_id=alert.user_id)
    return note


def set_label(*, actor: Principal, alert_id: str, label: str, reason: str) -> FraudAlert:
    """Say what a decided alert has turned out to be: fraud after all, or none. Repeating changes nothing.

    Raises: Forbidden, OwnAlert, AlertUnknown, AlertUndecided, ReasonMissing. Locks: the alert.
    After commit: the person's risk profile is derived anew.
    """
    if not reason.strip():
        raise ReasonMissing
    with unit_of_work():
        alert = _locked(actor, alert_id)
        if not alert.is_decided:
            raise AlertUndecided
        if alert.label == label:
            return alert
        old = alert.label
        _label(alert, label, by_id=actor.id)
        alert.save(update_fields=["label", "labelled_by", "labelled_at"])
        audit.record(
            actor_id=actor.id,
            action="fraud.alert_labelled",
            target=alert,
            subject_id=alert.user_id,
            facts={"old": old, "new": label},
            new={"reason": reason.strip()},
        )
    return alert


def return_claims(withdrawal: hooks.Withdrawal) -> None:
    """Give the alerts of somebody who reviews no more back to the queue, and forget what they proposed.

    Locks: those alerts, by id.
    """
    if not withdrawal.takes(BANK_ADMIN):
        return
    user_id = withdrawal.user_id
    with unit_of_work() as unit:
        theirs = Q(claimed_by_id=user_id) | Q(proposed_by_id=user_id)
        waiting = FraudAlert.objects.select_for_update(no_key=True).filter(theirs, status__in=FraudAlert.UNDECIDED)
        for alert in waiting.order_by("pk"):
            if alert.proposed_by_id == user_id:
                _forget_proposal(alert)
                alert.status = Status.OPEN
                alert.save()
            if alert.claimed_by_id == user_id:
                _unclaim(unit, alert, by_id=withdrawal.by_id)


def _locked(actor: Principal, alert_id: str) -> FraudAlert:
    if not actor.has_role(BANK_ADMIN):
        raise Forbidden
    alert = FraudAlert.objects.select_for_update(no_key=True).filter(alert_id=alert_id).first()
    if alert is None:
        raise AlertUnknown
    if alert.user_id == actor.id:
        raise OwnAlert
    return alert


def _undecided(actor: Principal, alert_id: str) -> FraudAlert:
    """Return the alert, locked, undecided, and with no colleague's claim on it."""
    alert = _locked(actor, alert_id)
    if alert.is_decided:
        raise AlertDecided(alert.status)
    holder, until = alert.claimed_by_id, _claimed_until(alert)
    if holder is not None and until is not None and holder != actor.id:
        raise AlertClaimed(reviewer_id=holder, reviewer=selectors.name_of(holder), claimed_until=time_text(until))
    return alert


def _claimed_until(alert: FraudAlert) -> datetime | None:
    """Return the end of the claim on the alert; None when nobody has it now."""
    until = alert.claimed_until
    return until if alert.claimed_by_id is not None and until is not None and until > datetime.now(UTC) else None


def _takes_two(alert: FraudAlert) -> bool:
    return alert.is_held and alert.amount is not None and alert.amount >= settings.FRAUD_SECOND_PERSON_FROM


def _unclaim(unit: UnitOfWork, alert: FraudAlert, *, by_id: int | None) -> None:
    alert.claimed_by, alert.claimed_until = None, None
    alert.save(update_fields=["claimed_by", "claimed_until"])
    audit.record(actor_id=by_id, action="fraud.alert_returned", target=alert, subject_id=alert.user_id)
    tell_claim(unit, alert)


def _propose(unit: UnitOfWork, actor: Principal, alert: FraudAlert, verdict: str, reason: str) -> None:
    alert.status, alert.proposed_verdict, alert.proposed_reason = Status.PROPOSED, verdict, reason
    alert.proposed_by_id, alert.proposed_at = actor.id, datetime.now(UTC)
    alert.claimed_by, alert.claimed_until = None, None  # It is somebody else's turn.
    alert.save()
    audit.record(
        actor_id=actor.id,
        action="fraud.decision_proposed",
        target=alert,
        subject_id=alert.user_id,
        facts={"verdict": verdict},
        new={"reason": reason},
    )
    tell_proposal(unit, alert, by_id=actor.id)


def _settle(unit: UnitOfWork, actor: Principal, alert: FraudAlert, verdict: str, reason: str) -> None:
    status, label = _OUTCOMES[Verdict(verdict)]
    if alert.proposed_by_id == actor.id:
        _forget_proposal(alert)  # The contrary, where one person is enough.
    alert.status, alert.reason = status, reason
    alert.decided_by_id, alert.decided_at = actor.id, datetime.now(UTC)
    alert.claimed_by, alert.claimed_until = None, None
    _label(alert, label, by_id=actor.id)
    alert.save()
    audit.record(
        actor_id=actor.id,
        action=f"fraud.alert_{status.lower()}",
        target=alert,
        subject_id=alert.user_id,
        facts={"verdict": verdict, "held": alert.is_held, "proposed_by": alert.proposed_by_id},
        new={"reason": reason},
    )
    if alert.subject_id:
        hooks.fraud_decided(
            hooks.FraudDecision(
                alert_id=alert.alert_id,
                subject_kind=alert.subject_kind,
                subject_id=alert.subject_id,
                verdict=verdict,
                is_held=alert.is_held,
                by_id=actor.id,
                reason=reason,
            )
        )
    tell_decision(unit, alert)


def _forget_proposal(alert: FraudAlert) -> None:
    alert.proposed_by, alert.proposed_at = None, None
    alert.proposed_verdict = alert.proposed_reason = ""


def _label(alert: FraudAlert, label: str, *, by_id: int) -> None:
    alert.label, alert.labelled_by_id, alert.labelled_at = label, by_id, datetime.now(UTC)
    if alert.user_id is not None:
        jobs.enqueue(tasks.refresh_profile, user_id=alert.user_id)
