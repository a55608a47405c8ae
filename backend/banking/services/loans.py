"""The loan book: one life for every loan, whichever door it came through.

PENDING -> ACTIVE -> PAID or CHARGED_OFF, and PENDING -> REJECTED. Each step happens under the account's row lock, which
guards all loans of the account: lines, payments and steps are decided one after the other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from backend.banking import facts, ledger
from backend.banking.errors import (
    AccountClosed,
    AccountFrozen,
    CreditLineExceeded,
    LoanUnknown,
    NotActive,
    NotPending,
)
from backend.banking.ledger import Line
from backend.banking.models import Account, AccountStatus, Door, InternalKind, Loan, LoanState, Posting, PostingKind
from backend.banking.selectors import debts
from backend.banking.services import telling
from backend.banking.services.names import unique_names
from backend.common.unit_of_work import unit_of_work

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is agreed about a loan beside its amount; each door knows some of it."""

    external_id: str | None = None
    contract_version: str = ""
    maximum_payment_date: datetime | None = None
    taken_at: datetime | None = None
    term: str | None = None
    purpose: str = ""


NO_TERMS = Terms()


def create_loan(
    *,
    actor_id: int | None,
    account_id: UUID,
    amount: Decimal,
    door: Door,
    terms: Terms = NO_TERMS,
    key_prefix: str = "",
) -> Loan:
    """Put a PENDING loan on an account, whole or not at all.

    An account's credit line counts for every door; a partner lends within one only. Debt is what PENDING and ACTIVE
    loans owe, and exactly filling the line passes (S4-B4, E-S4-4).
    Raises: InvalidAmount, AccountUnknown, AccountFrozen, AccountClosed (E-S4-9), CreditLineExceeded, ExternalIdTaken.
    Locks: the account.
    Calls: `facts.loan_created`.
    """
    amount = ledger.checked_amount(amount)
    with unique_names(), unit_of_work():
        (account,) = ledger.lock_accounts(account_id)
        check_usable(account)
        _check_line(account, amount, door)
        loan = Loan.objects.create(
            account=account,
            bank_id=account.bank_id,
            door=door,
            current_loan_amount=amount,
            outstanding=amount,
            currency=account.currency,
            external_id=terms.external_id,
            contract_version=terms.contract_version,
            maximum_payment_date=terms.maximum_payment_date,
            taken_at=terms.taken_at,
            term=terms.term,
            purpose=terms.purpose,
        )
        telling.record(
            "loan.created", loan, account, actor_id=actor_id, key_prefix=key_prefix, amount=amount, door=str(door)
        )
        facts.loan_created(facts.LoanMoved(loan, account))
    return loan


def activate_loan(*, actor_id: int | None, loan_id: UUID, key_prefix: str = "") -> Loan:
    """Make a PENDING loan ACTIVE as of now, and book what was lent: to the partner who pays it out, or to the account.

    Raises: LoanUnknown, NotPending, AccountFrozen, AccountClosed.
    Locks: the account, then the loan.
    Calls: `facts.loan_activated`. After commit: `loan.activated` to the person.
    """
    with unit_of_work() as unit:
        account, loan = lock_loan(loan_id)
        if loan.state != LoanState.PENDING:
            raise NotPending("activated", state=loan.state)
        check_usable(account)
        posting = _post_activation(account, loan, actor_id)
        loan.state, loan.taken_at = LoanState.ACTIVE, datetime.now(UTC)
        loan.save(update_fields=["state", "taken_at", "updated_at"])
        telling.record("loan.activated", loan, account, actor_id=actor_id, key_prefix=key_prefix, posting=posting.pk)
        facts.loan_activated(facts.LoanMoved(loan, account, posting))
        telling.tell(unit, account, telling.loan_activated(loan))
    return loan


def reject_loan(*, actor_id: int | None, loan_id: UUID, key_prefix: str = "") -> Loan:
    """Refuse a PENDING loan: nothing was lent, and nothing is owed.

    Raises: LoanUnknown, NotPending.
    Locks: the account, then the loan.
    Calls: `facts.loan_rejected`. After commit: `loan.decided` to the person.
    """
    with unit_of_work() as unit:
        account, loan = lock_loan(loan_id)
        if loan.state != LoanState.PENDING:
            raise NotPending("rejected", state=loan.state)
        loan.state, loan.outstanding = LoanState.REJECTED, ZERO
        loan.save(update_fields=["state", "outstanding", "updated_at"])
        telling.record("loan.rejected", loan, account, actor_id=actor_id, key_prefix=key_prefix)
        facts.loan_rejected(facts.LoanMoved(loan, account))
        telling.tell(unit, account, telling.loan_decided(loan))
    return loan


def charge_off_loan(*, actor_id: int | None, loan_id: UUID, key_prefix: str = "") -> Loan:
    """Give up what an ACTIVE loan still owes: it becomes the bank's loss.

    Raises: LoanUnknown, NotActive.
    Locks: the account, then the loan.
    Calls: `facts.loan_charged_off`. After commit: `loan.decided` to the person.
    """
    with unit_of_work() as unit:
        account, loan = lock_loan(loan_id)
        if loan.state != LoanState.ACTIVE:
            raise NotActive("charged off", state=loan.state)
        lost = loan.outstanding
        posting = ledger.post(
            bank=account.bank,
            kind=PostingKind.CHARGE_OFF,
            lines=[
                Line(-lost, internal=(account.bank_id, InternalKind.CHARGE_OFF_LOSS)),
                Line(lost, internal=(account.bank_id, InternalKind.LOANS_RECEIVABLE)),
            ],
            currency=loan.currency,
            actor_id=actor_id,
        )
        loan.state, loan.outstanding = LoanState.CHARGED_OFF, ZERO
        loan.save(update_fields=["state", "outstanding", "updated_at"])
        telling.record(
            "loan.charged_off", loan, account, actor_id=actor_id, key_prefix=key_prefix, lost=lost, posting=posting.pk
        )
        facts.loan_charged_off(facts.LoanMoved(loan, account, posting))
        telling.tell(unit, account, telling.loan_decided(loan))
    return loan


def lock_loan(loan_id: UUID) -> tuple[Account, Loan]:
    """Lock a loan behind its account, and return both as they are now. Raises: LoanUnknown."""
    account_id = Loan.objects.filter(pk=loan_id).values_list("account_id", flat=True).first()
    if account_id is None:
        raise LoanUnknown
    (account,) = ledger.lock_accounts(account_id)
    loan = Loan.objects.select_for_update(no_key=True).filter(pk=loan_id).first()
    if loan is None:
        raise LoanUnknown
    loan.account = account
    return account, loan


def check_usable(account: Account) -> None:
    """Raises: AccountFrozen, AccountClosed, unless money may be drawn on the (locked) account."""
    if account.status == AccountStatus.FROZEN:
        raise AccountFrozen
    if account.status == AccountStatus.CLOSED:
        raise AccountClosed


def _check_line(account: Account, amount: Decimal, door: Door) -> None:
    if account.credit_line is None and door != Door.PARTNER:
        return
    left = debts.available_credit(account)
    if amount > left:
        raise CreditLineExceeded(available=str(left))


def _post_activation(account: Account, loan: Loan, actor_id: int | None) -> Posting:
    lent = loan.current_loan_amount
    target = (
        Line(lent, internal=(account.bank_id, InternalKind.PARTNER_CLEARING))
        if loan.door == Door.PARTNER
        else Line(lent, account=account)
    )
    return ledger.post(
        bank=account.bank,
        kind=PostingKind.LOAN_ACTIVATION,
        lines=[Line(-lent, internal=(account.bank_id, InternalKind.LOANS_RECEIVABLE)), target],
        currency=loan.currency,
        actor_id=actor_id,
    )
