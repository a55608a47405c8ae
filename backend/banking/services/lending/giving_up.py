"""Giving a loan up: what it still owes becomes the bank's loss."""

from datetime import date, timedelta
from uuid import UUID

from backend.audit import services as audit
from backend.banking import facts
from backend.banking.errors import NotActive
from backend.banking.lending_errors import LoanReasonMissing, NotYetGivenUp, OwnLoan, RepaymentStays
from backend.banking.models import Door, Instalment, InstalmentState, Loan, LoanState
from backend.banking.selectors import lending as selectors
from backend.banking.services import loans
from backend.banking.services.lending import plans
from backend.banking.services.lending.ground import Standing, day_at, lock_standing
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def charge_off(*, actor: Principal, loan_id: UUID, reason: str, today: date | None = None) -> Loan:
    """Give up a loan whose oldest instalment is overdue for as long as its terms say, and return it.

    The principal becomes a loss. Interest that was never paid was never income, so nothing of it is lost.
    Raises: LoanStaffOnly, LoanUnknown, OwnLoan, LoanReasonMissing, NotActive, NotYetGivenUp.
    Locks: the account, then the loan.
    Calls: `facts.loan_charged_off`. After commit: `loan.decided` to the person.
    """
    reason = reason.strip()
    if not reason:
        raise LoanReasonMissing
    found = selectors.desk_loan(actor=actor, loan_id=loan_id)
    if found.account.customer.user_id == actor.id:
        raise OwnLoan
    with unit_of_work():
        standing = lock_standing(loan_id)
        _check_overdue(standing, today)
        loan = loans.charge_off_loan(actor_id=actor.id, loan_id=loan_id)
        Instalment.objects.filter(loan=loan, state=InstalmentState.OPEN).update(state=InstalmentState.WRITTEN_OFF)
        plans.follow(standing)
        user_id = standing.account.customer.user_id
        told = {"new": {"reason": reason}} if user_id is not None else {}
        audit.record(actor_id=actor.id, action="loan.given_up", target=loan, subject_id=user_id, **told)
    return loan


def keep_repayments(decided: facts.PaymentDecided) -> None:
    """Refuse to reverse a repayment of a person's loan: its schedule has gone on from it (facts.payment_reversed).

    Raises: RepaymentStays, which undoes the reversal.
    """
    if any(detail.loan.door == Door.CUSTOMER for detail in decided.details):
        raise RepaymentStays


def _check_overdue(standing: Standing, today: date | None) -> None:
    if standing.loan.state != LoanState.ACTIVE:
        raise NotActive("charged off", state=standing.loan.state)
    oldest = standing.terms.next_due_on
    possible_on = oldest + timedelta(days=standing.terms.charge_off_days) if oldest is not None else None
    if possible_on is None or day_at(standing.account.bank, today) < possible_on:
        raise NotYetGivenUp(possible_on=str(possible_on) if possible_on is not None else None)
