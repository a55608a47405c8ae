"""Loans that managers write down: history that has ended already, and new ones that wait for a decision.

A loan with `loan_status` is on record: PAID or CHARGED_OFF, nothing outstanding, unknown to the ledger, and correctable
(design.md section 5). One without is PENDING, and moves on by `loans.py`.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.audit import services as audit
from backend.banking.errors import HasPostings, InvalidField, LoanOfAnotherDoor, LoanSettled, LoanUnknown
from backend.banking.models import Account, Customer, Door, Loan, LoanState, LoanStatus
from backend.banking.selectors import banks as selectors
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

ZERO = Decimal("0.00")
ENDED_AS = {LoanStatus.FULLY_PAID: LoanState.PAID, LoanStatus.CHARGED_OFF: LoanState.CHARGED_OFF}
NOT_YOUR_ACCOUNT = "No account of a bank of yours has this id."
STATE_SAYS = "Only a loan on record has a status; how this one goes its state says."


def register_loan(*, actor: Principal, account_id: UUID, fields: dict[str, Any]) -> Loan:
    """Store a loan on an account of a bank of the caller's, on record or PENDING, and return it.

    Raises: NotABankManager, InvalidField (another's account). Locks: the account.
    """
    with unit_of_work():
        mine = selectors.require_banks(actor)
        account = Account.objects.select_for_update(no_key=True).filter(pk=account_id, bank__in=mine).first()
        if account is None:
            raise InvalidField("account", NOT_YOUR_ACCOUNT)
        status = fields.get("loan_status")
        amount = fields["current_loan_amount"]
        loan = Loan.objects.create(
            account=account,
            bank_id=account.bank_id,
            door=Door.MANAGER,
            recorded=status is not None,
            state=ENDED_AS[LoanStatus(status)] if status else LoanState.PENDING,
            outstanding=ZERO if status else amount,
            currency=account.currency,
            **fields,
        )
        facts = {"account": str(account.pk), "recorded": loan.recorded}
        audit.record(actor_id=actor.id, action="loan.registered", target=loan, facts=facts, subject_id=_person(account))
    return loan


def correct_loan(*, actor: Principal, loan_id: UUID, changes: dict[str, Any]) -> Loan:
    """Correct a loan on record, or one of this door that is still PENDING, and return it.

    Raises: LoanUnknown, InvalidField (another account, a status for a loan that is no record, or none for one that
    is), LoanOfAnotherDoor, LoanSettled. Locks: the account, then the loan.
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
            loan.outstanding = loan.current_loan_amount
        loan.save(update_fields=[*changed, "state", "outstanding", "updated_at"])
        facts = {"fields": changed, "old": old, "new": {name: wanted[name] for name in changed}}
        audit.record(actor_id=actor.id, action="loan.changed", target=loan, facts=facts, subject_id=_person(account))
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
        audit.record(actor_id=actor.id, action="loan.deleted", target=loan, subject_id=_person(account))
        loan.delete()


def _require_correctable(loan: Loan) -> None:
    if loan.recorded:
        return
    if loan.door != Door.MANAGER:
        raise LoanOfAnotherDoor(door=loan.door)
    if loan.state != LoanState.PENDING:
        raise LoanSettled(f"This loan is {loan.state}: what was agreed is not changed any more.", state=loan.state)


def _locked(actor: Principal, loan_id: UUID) -> tuple[Account, Loan]:
    """Return the account and the loan, locked in this order."""
    mine = selectors.banks_managed_by(actor.id).values("pk")
    account_id = Loan.objects.filter(pk=loan_id, bank__in=mine).values_list("account", flat=True).first()
    if account_id is None:
        raise LoanUnknown
    account = Account.objects.select_for_update(no_key=True).get(pk=account_id)
    loan = Loan.objects.select_for_update().filter(pk=loan_id).first()
    if loan is None:
        raise LoanUnknown
    return account, loan


def _person(account: Account) -> int | None:
    return Customer.objects.values_list("user", flat=True).get(pk=account.customer_id)
