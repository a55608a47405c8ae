"""What becomes of a transfer that was held: released or rejected by a person, or its time runs out.

Lock order, the same for both ways: fraud's alert, the transfer, its accounts by id, topics. The sender's own row is not
locked here: whoever raises an alert about them may hold it.
"""

from datetime import UTC, datetime
from uuid import UUID

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.errors import KycRequired
from backend.banking.facts import HoldDue
from backend.banking.models import HoldState, PostingKind, Transfer, TransferState, VoidReason
from backend.banking.services import standing, transfers
from backend.common import hooks
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.fraud import services as fraud
from backend.identity.models import User
from backend.notifications import services as notifications
from backend.notifications.transfer_notices import TransferVoided

RELEASE = "release"


def on_fraud_decided(decision: hooks.FraudDecision) -> None:
    """Post or void a held transfer, in the transaction that decides about it (hooks.fraud_decided).

    Raises: KycRequired, AccountFrozen, AccountClosed, PayeeUnavailable, when a released one can no longer be posted:
    then nothing is decided, and it can still be rejected.
    Locks: the transfer, both accounts by id. After commit: `transfer.posted` or `transfer.voided` to both owners.
    """
    if decision.subject_kind != transfers.SUBJECT or not decision.is_held:
        return
    with unit_of_work() as unit:
        transfer = _locked(UUID(decision.subject_id))
        if transfer is None:
            return
        if decision.verdict == RELEASE:
            _release(unit, transfer, by_id=decision.by_id)
        else:
            _void(unit, transfer, reason=VoidReason.REJECTED, by_id=decision.by_id)


def on_hold_due(due: HoldDue) -> None:
    """Void a transfer whose hold has run out, unless somebody has decided about it (facts.hold_due).

    Repeating it is safe, at once too: who comes second finds it decided.
    Locks: the alert, the transfer, both accounts by id. After commit: `transfer.voided` to both owners.
    """
    transfer_id = Transfer.objects.filter(hold=due.hold_id).values_list("pk", flat=True).first()
    if transfer_id is None:
        return
    due.claim()
    with unit_of_work() as unit:
        if not fraud.expire_alert(subject_kind=transfers.SUBJECT, subject_id=str(transfer_id)):
            return
        transfer = _locked(transfer_id)
        if transfer is not None:
            _void(unit, transfer, reason=VoidReason.TIMED_OUT, by_id=None)


def _locked(transfer_id: UUID) -> Transfer | None:
    """Return a held transfer with its accounts, all locked; None for one that is settled or never was."""
    found = Transfer.objects.select_for_update(no_key=True).filter(pk=transfer_id).first()
    if found is None or found.state != TransferState.HELD or found.hold is None:
        return None
    found.source, found.target = ledger.lock_accounts(found.source_id, found.target_id)
    found.hold.account = found.source
    return found


def _release(unit: UnitOfWork, transfer: Transfer, *, by_id: int) -> None:
    source, target, hold = transfer.source, transfer.target, transfer.hold
    assert hold is not None
    if not User.objects.filter(pk=source.customer.user_id or 0, kyc_status=standing.APPROVED).exists():
        raise KycRequired("The sender is not verified any more, so this can only be rejected.")
    standing.require_open(source)
    standing.require_taking(target)
    transfer.posting = ledger.capture(
        hold=hold,
        bank=source.bank,
        kind=PostingKind.TRANSFER,
        lines=transfers.lines_of(transfer),
        actor_id=transfer.actor_id,
        memo=f"transfer {transfer.pk}",
    )
    transfer.state, transfer.decided_at = TransferState.POSTED, datetime.now(UTC)
    transfer.save(update_fields=["posting", "state", "decided_at"])
    _record(transfer, "transfer.released", by_id)
    transfers.book_and_tell(unit, transfer)


def _void(unit: UnitOfWork, transfer: Transfer, *, reason: VoidReason, by_id: int | None) -> None:
    hold = transfer.hold
    assert hold is not None
    ledger.void(hold=hold, state=HoldState.EXPIRED if reason == VoidReason.TIMED_OUT else HoldState.VOIDED)
    transfer.state, transfer.reason, transfer.decided_at = TransferState.VOIDED, reason, datetime.now(UTC)
    transfer.save(update_fields=["state", "reason", "decided_at"])
    _record(transfer, "transfer.voided", by_id)
    for user_id, account, direction in transfers.sides_of(transfer):
        notice = TransferVoided(
            transfer_id=str(transfer.pk),
            account_id=str(account.pk),
            direction=direction,
            amount=str(transfer.amount),
            currency=transfer.currency,
            reason=reason,
        )
        notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)


def _record(transfer: Transfer, action: str, by_id: int | None) -> None:
    audit.record(
        actor_id=by_id,
        action=action,
        target=transfer,
        facts={"amount": str(transfer.amount), "currency": transfer.currency, "reason": str(transfer.reason)},
        subject_id=transfer.source.customer.user_id,
    )
