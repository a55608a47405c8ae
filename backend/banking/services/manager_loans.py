"""Loans that managers write down: history that has ended already, and new ones that wait for a decision.

A loan with `loan_status` is on record: PAID or CHARGED_OFF, nothing outstanding, unknown to the ledger, and correctable
(design.md section 5). One without is PENDING, and lives as every loan does (loans.py).
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import ProtectedError

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.errors import (
    AccountClosed,
    AccountFrozen,
    CreditLineExceeded,
    HasPostings,
    InvalidField,
    LoanOfAnotherDoor,
    LoanSettled,
    LoanUnknown,
)
from backend.banking.models import Account, Door, Loan, LoanState, LoanStatus
from backend.banking.selectors import banks as selectors
from backend.banking.selectors import debts
from backend.banking.services import loans
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

ZERO = Decimal("0.00")
ENDED_AS = {LoanStatus.FULLY_PAID: LoanState.PAID, LoanStatus.CHARGED_OFF: LoanState.CHARGED_OFF}
NOT_YOUR_ACCOUNT = "No account of a bank of yours has this id."
STATE_SAYS = "Only a loan on record has a status; how this one goes its state says."


def register_loan(*, actor: Principal, account_id: UUID, fields: dict[str, Any]) -> Loan:
    """Store a loan on an account of a bank of the caller's, on record or PENDING, and return it.

    Raises: NotABankManager, InvalidField (another's account; of a PENDING one also: an account that is frozen or
    closed, or a line that does not reach).
    Locks: the account.
    """
    mine = selectors.require_banks(actor)
    if not Account.objects.filter(pk=account_id, bank__in=mine).exists():
        raise InvalidField("account", NOT_YOUR_ACCOUNT)
    if fields.get("loan_status") is None:
        return _asked_for(actor, account_id, fields)
    with unit_of_work():
        (account,) = ledger.lock_accounts(account_id)
        loan = Loan.objects.create(
            account=account,
            bank_id=account.bank_id,
            door=Door.MANAGER,
            recorded=True,
            state=ENDED_AS[LoanStatus(fields["loan_status"])],
            outstanding=ZERO,
            currency=account.currency,
            **fields,
        )
        facts = {"bank": str(account.bank_id), "account": str(account.pk)}
        person = account.customer.user_id
        audit.record(actor_id=actor.id, action="loan.registered", target=loan, facts=facts, subject_id=person)
    return loan


def correct_loan(*, actor: Principal, loan_id: UUID, changes: dict[str, Any]) -> Loan:
    """Correct a loan on record, or one of this door that is still PENDING, and return it.

    Raises: LoanUnknown, InvalidField (another account; a status for a loan that is no record, or none for one that
    is; a line that does not reach), LoanOfAnotherDoor, LoanSettled.
    Locks: the account, then the loan.
    """
    with unit_of_work():
        account, loan = _locked(actor, loan_id)
        if changes.get("account", loan.account_id) != loan.account_id:
            raise InvalidField("account", "A loan stays with its account.")
        wanted = {name: value for name, value in changes.items() if name != "account"}
        changed = sorted(name for name, value in wanted.items() if getattr(loan, name) != value)
        if not changed:
            return loan
        _require_correctable(loan)
        if "loan_status" in changed and not (loan.recorded and wanted["loan_status"]):
            raise InvalidField("loan_status", "A record says how it ended." if loan.recorded else STATE_SAYS)
        old = {name: getattr(loan, name) for name in changed}
        for name in changed:
            setattr(loan, name, wanted[name])
        if loan.recorded:
            loan.state = ENDED_AS[LoanStatus(loan.loan_status or "")]
        else:
            _require_line(account, more=loan.current_loan_amount - loan.outstanding)
            loan.outstanding = loan.current_loan_amount
        loan.save(update_fields=[*changed, "state", "outstanding", "updated_at"])
        facts = {"fields": changed, "old": old, "new": {name: wanted[name] for name in changed}}
        person = account.customer.user_id
        audit.record(actor_id=actor.id, action="loan.changed", target=loan, facts=facts, subject_id=person)
    return loan


def delete_loan(*, actor: Principal, loan_id: UUID) -> None:
    """Delete a loan on record, or one of this door on which no money has moved.

    Raises: LoanUnknown, LoanOfAnotherDoor, HasPostings. Locks: the account, then the loan.
    """
    with unit_of_work():
        account, loan = _locked(actor, loan_id)
        if not loan.recorded:
            if loan.state not in {LoanState.PENDING, LoanState.REJECTED}:
                words = f"This loan is {loan.state}: its postings stay, so it cannot be deleted."
                raise HasPostings(words, state=loan.state)
            if loan.door != Door.MANAGER:
                raise LoanOfAnotherDoor(door=loan.door)
        person = account.customer.user_id
        audit.record(actor_id=actor.id, action="loan.deleted", target=loan, subject_id=person)
        try:
            loan.delete()
        except ProtectedError as fault:
            raise HasPostings from fault


def activate(*, actor: Principal, loan_id: UUID) -> Loan:
    """Pay a PENDING loan of this door out to its account.

    Raises, locks, after commit: as `loans.activate_loan`; LoanOfAnotherDoor.
    """
    _require_own_door(actor, loan_id)
    return loans.activate_loan(actor_id=actor.id, loan_id=loan_id)


def reject(*, actor: Principal, loan_id: UUID) -> Loan:
    """Refuse a PENDING loan of this door. Raises, locks, after commit: as `loans.reject_loan`; LoanOfAnotherDoor."""
    _require_own_door(actor, loan_id)
    return loans.reject_loan(actor_id=actor.id, loan_id=loan_id)


def charge_off(*, actor: Principal, loan_id: UUID) -> Loan:
    """Give an ACTIVE loan of this door up.

    Raises, locks, after commit: as `loans.charge_off_loan`; LoanOfAnotherDoor.
    """
    _require_own_door(actor, loan_id)
    return loans.charge_off_loan(actor_id=actor.id, loan_id=loan_id)


def _asked_for(actor: Principal, account_id: UUID, fields: dict[str, Any]) -> Loan:
    terms = loans.Terms(term=fields["term"], purpose=fields["purpose"])
    amount = fields["current_loan_amount"]
    try:
        return loans.create_loan(
            actor_id=actor.id, account_id=account_id, amount=amount, door=Door.MANAGER, terms=terms
        )
    except CreditLineExceeded as fault:
        raise InvalidField("current_loan_amount", fault.detail) from fault
    except (AccountFrozen, AccountClosed) as fault:
        raise InvalidField("account", fault.detail) from fault


def _require_own_door(actor: Principal, loan_id: UUID) -> None:
    """A loan's bank and door never change, so they need no lock. Raises: LoanUnknown, LoanOfAnotherDoor."""
    mine = selectors.banks_managed_by(actor.id).values("pk")
    door = Loan.objects.filter(pk=loan_id, bank__in=mine).values_list("door", flat=True).first()
    if door is None:
        raise LoanUnknown
    if door != Door.MANAGER:
        raise LoanOfAnotherDoor(door=door)


def _require_correctable(loan: Loan) -> None:
    if loan.recorded:
        return
    if loan.door != Door.MANAGER:
        raise LoanOfAnotherDoor(door=loan.door)
    if loan.state != LoanState.PENDING:
        raise LoanSettled(f"This loan is {loan.state}: what was agreed is not changed any more.", state=loan.state)


def _require_line(account: Account, *, more: Decimal) -> None:
    if account.credit_line is not None and more > debts.available_credit(account):
        raise InvalidField("current_loan_amount", CreditLineExceeded.detail)


def _locked(actor: Principal, loan_id: UUID) -> tuple[Account, Loan]:
    """Return the account and the loan, locked in this order. Raises: LoanUnknown."""
    mine = selectors.banks_managed_by(actor.id).values("pk")
    if not Loan.objects.filter(pk=loan_id, bank__in=mine).exists():
        raise LoanUnknown
    return loans.lock_loan(loan_id)
