"""Corrections: a posting is never changed, it is mirrored by another one, once."""

from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError

from backend.audit import services as audit
from backend.banking import facts, ledger
from backend.banking.errors import AccountClosed, AlreadyReversed, NotReversible, PostingUnknown, ReasonMissing
from backend.banking.ledger import Line
from backend.banking.models import (
    Account,
    AccountStatus,
    Entry,
    InternalKind,
    Loan,
    LoanState,
    Payment,
    Posting,
    PostingKind,
)
from backend.banking.selectors import people
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

# Beside payments, which give their parts back to the loans. What else is in the loan book goes on, never back.
REVERSIBLE = frozenset({PostingKind.OPENING, PostingKind.DEPOSIT, PostingKind.WITHDRAWAL, PostingKind.TRANSFER})
OWING_AGAIN = (LoanState.ACTIVE, LoanState.PAID)


def reverse_for_bank(*, actor: Principal, posting_id: int, reason: str) -> Posting:
    """Reverse a posting as the staff of its bank, and return the reversal.

    Raises: PostingUnknown, OtherBanksMoney, OwnAccount, ReasonMissing; then, and otherwise, as `reverse_posting`.
    After commit: `account.moved` to the holders.
    """
    people.require_staffed_posting(actor=actor, posting_id=posting_id)
    if not reason.strip():
        raise ReasonMissing
    return reverse_posting(actor_id=actor.id, posting_id=posting_id, reason=reason.strip())


def reverse_posting(*, actor_id: int | None, posting_id: int, reason: str, key_prefix: str = "") -> Posting:
    """Write the mirror of a posting, and return it. A payment's loans owe again what they got; a PAID one is ACTIVE.

    Repeating: AlreadyReversed.
    Raises: PostingUnknown, NotReversible (a reversal, a loan's activation or charge-off, a payment to a loan that was
    charged off since), AlreadyReversed, InsufficientFunds (the money has gone on), AccountClosed.
    Locks: the accounts by id, then a payment's loans.
    Calls: `facts.posting_made`; for a payment `facts.payment_reversed`.
    """
    posting = Posting.objects.select_related("bank").filter(pk=posting_id).first()
    if posting is None:
        raise PostingUnknown
    try:
        with unit_of_work():
            return _reverse(posting, actor_id=actor_id, reason=reason, key_prefix=key_prefix)
    except IntegrityError as fault:
        # Of two at once that have no account in common to wait at, the database lets one through.
        if _violated(fault) == "banking_posting_reverses_id_key":
            raise AlreadyReversed from fault
        raise


def _reverse(posting: Posting, *, actor_id: int | None, reason: str, key_prefix: str) -> Posting:
    entries = list(Entry.objects.filter(posting=posting).select_related("internal_account").order_by("id"))
    payment = Payment.objects.filter(posting=posting).first()
    ids = {entry.account_id for entry in entries if entry.account_id is not None}
    if payment is not None:
        ids.add(payment.account_id)
    accounts = {account.pk: account for account in ledger.lock_accounts(*ids)}
    _check_reversible(posting, payment, accounts)
    reversal = ledger.post(
        bank=posting.bank,
        kind=PostingKind.REVERSAL,
        lines=[_mirrored(entry, accounts) for entry in entries],
        currency=entries[0].currency,
        actor_id=actor_id,
        reverses=posting,
    )
    named = {"prefix": key_prefix} if key_prefix else {}
    people = [account.customer.user_id for account in accounts.values() if account.customer.user_id is not None]
    audit.record(
        actor_id=actor_id,
        action="posting.reversed",
        target=posting,
        subject_id=people[0] if people else None,
        facts={"bank": str(posting.bank_id), "kind": posting.kind, "by": reversal.pk, **named},
        new={"reason": reason},
    )
    if payment is not None:
        _give_back(payment, accounts[payment.account_id])
    return reversal


def _check_reversible(posting: Posting, payment: Payment | None, accounts: dict[UUID, Account]) -> None:
    if posting.kind not in REVERSIBLE and payment is None:
        raise NotReversible(kind=posting.kind)
    if Posting.objects.filter(reverses=posting).exists():
        raise AlreadyReversed
    if any(account.status == AccountStatus.CLOSED for account in accounts.values()):
        raise AccountClosed


def _mirrored(entry: Entry, accounts: dict[UUID, Account]) -> Line:
    if entry.account_id is not None:
        return Line(-entry.amount, account=accounts[entry.account_id])
    if entry.internal_account is None:
        raise ValueError("an entry is on one account")
    return Line(-entry.amount, internal=(entry.bank_id, InternalKind(entry.internal_account.kind)))


def _give_back(payment: Payment, account: Account) -> None:
    """Have each loan owe again what the payment brought it. Raises: NotReversible, when one cannot."""
    details = list(payment.payment_details.order_by("id"))
    loans = Loan.objects.select_for_update(no_key=True).in_bulk([detail.loan_id for detail in details])
    for detail in details:
        loan = detail.loan = loans[detail.loan_id]
        if loan.state not in OWING_AGAIN:
            raise NotReversible(f"A loan that it went to is '{loan.state}'.", kind="payment")
        loan.outstanding += Decimal(detail.amount)
        loan.state = LoanState.ACTIVE
        loan.save(update_fields=["outstanding", "state", "updated_at"])
    facts.payment_reversed(facts.PaymentDecided(payment, account, tuple(details)))


def _violated(fault: IntegrityError) -> str | None:
    return getattr(getattr(fault.__cause__, "diag", None), "constraint_name", None)
