"""Asking for a loan, and what becomes of it.

The terms are the product's as they are when somebody asks: that is what they agree to, and what is lent on. The loan is
PENDING meanwhile, so it counts in what the account owes. What the loan model says of it is kept for the staff who
decide; nothing is refused for it, or without it. One application at a time waits on an account. Every decision is made
under the account's lock: of an approval and a withdrawal at once, one happens.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from backend.audit import services as audit
from backend.banking import facts, ledger
from backend.banking.errors import AccountUnknown, KycRequired, ReasonMissing
from backend.banking.lending_errors import (
    AmountOutOfRange,
    ApplicantNotVerified,
    ApplicationDecided,
    ApplicationUnknown,
    ApplicationWaiting,
    MonthsOutOfRange,
    OwnLoan,
    ProductElsewhere,
)
from backend.banking.models import (
    Account,
    ApplicationStatus,
    Door,
    LoanApplication,
    LoanProduct,
    LoanState,
    LoanTerms,
    Term,
)
from backend.banking.selectors import lending as selectors
from backend.banking.services import loans, predictions, telling
from backend.banking.services.lending import plans
from backend.banking.services.lending.ground import (
    Standing,
    conditions_of,
    day_at,
    is_verified,
    lock_standing,
)
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications import services as notifications
from backend.notifications.lending_notices import LoanApplicationDecided, LoanApplied

# S0's loans are of two lengths; those of three years are its short ones.
SHORT_MONTHS = 36
ZERO = Decimal("0.00")


def apply(
    *,
    actor: Principal,
    account_id: UUID,
    product_id: UUID,
    amount: Decimal,
    months: int,
    method: str,
    purpose: str,
    today: date | None = None,
) -> LoanApplication:
    """Ask for a loan on one's own account, on the terms that the product has now; return the application.

    Repeating: ApplicationWaiting, as long as the first is not decided.
    Raises: KycRequired, ProductUnknown (also one that is closed), AccountUnknown, AccountFrozen, AccountClosed,
    ProductElsewhere, AmountOutOfRange, MonthsOutOfRange, TermsTooThin, ApplicationWaiting, CreditLineExceeded.
    Locks: the user row, shared; the account.
    Calls: `facts.loan_created`. After commit: `loan.applied` to the bank admins' desk.
    """
    amount = ledger.checked_amount(amount)
    with unit_of_work() as unit:
        if not is_verified(actor.id):
            raise KycRequired
        if not Account.objects.filter(pk=account_id, customer__user=actor.id).exists():
            raise AccountUnknown
        product = selectors.get_open_product(product_id)
        (account,) = ledger.lock_accounts(account_id)
        _check(account, product, amount, months)
        if LoanApplication.objects.filter(account=account, status=ApplicationStatus.SUBMITTED).exists():
            raise ApplicationWaiting
        loan = loans.create_loan(
            actor_id=actor.id,
            account_id=account.pk,
            amount=amount,
            door=Door.CUSTOMER,
            terms=loans.Terms(term=Term.SHORT if months <= SHORT_MONTHS else Term.LONG, purpose=purpose),
        )
        terms = LoanTerms(
            loan=loan,
            bank_id=account.bank_id,
            product=product,
            annual_rate=product.annual_rate,
            day_count=product.day_count,
            method=method,
            months=months,
            grace_days=product.grace_days,
            charge_off_days=product.charge_off_days,
        )
        start = day_at(account.bank, today)
        plans.planned(amount=amount, conditions=conditions_of(terms), months=months, start=start)
        terms.save(force_insert=True)
        score = predictions.score_application(account=account, amount=amount, term=loan.term, purpose=purpose)
        application = LoanApplication.objects.create(loan=loan, account=account, bank_id=account.bank_id, score=score)
        _record("loan_application.submitted", application, account, actor_id=actor.id)
        notice = LoanApplied(
            application_id=str(application.pk),
            bank_id=str(account.bank_id),
            amount=str(amount),
            currency=account.currency,
            months=months,
        )
        notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=notice)
    return application


def withdraw(*, actor: Principal, application_id: UUID) -> LoanApplication:
    """Take one's own undecided application back, and return it.

    Raises: ApplicationUnknown, ApplicationDecided (also by an earlier withdrawal). Locks: the account, then the loan.
    Calls: `facts.loan_rejected`. After commit: `loan.application_decided` to the bank admins' desk.
    """
    loan_id = selectors.own_application(actor=actor, application_id=application_id).loan_id
    with unit_of_work() as unit:
        standing = lock_standing(loan_id)
        application = _undecided(standing)
        _close(unit, application, ApplicationStatus.WITHDRAWN)
        loan = standing.loan
        loan.state, loan.outstanding = LoanState.REJECTED, ZERO
        loan.save(update_fields=["state", "outstanding", "updated_at"])
        _record("loan_application.withdrawn", application, standing.account, actor_id=actor.id)
        facts.loan_rejected(facts.LoanMoved(loan, standing.account))
    return application


def approve(*, actor: Principal, application_id: UUID, today: date | None = None) -> LoanApplication:
    """Lend what was asked for: the schedule begins today, and the money goes to the account. Returns the application.

    Raises: LoanStaffOnly, ApplicationUnknown, OwnLoan, ApplicantNotVerified, ApplicationDecided (also when it was
    withdrawn meanwhile), AccountFrozen, AccountClosed.
    Locks: the applicant's user row, shared; the account, then the loan.
    Calls: `facts.loan_activated`. After commit: `loan.decided` and `loan.activated` to the person,
    `loan.application_decided` to the bank admins' desk.
    """
    found = _for_the_desk(actor, application_id)
    with unit_of_work() as unit:
        verified = is_verified(found.account.customer.user_id)
        standing = lock_standing(found.loan_id)
        application = _undecided(standing)
        if not verified:
            raise ApplicantNotVerified
        _close(unit, application, ApplicationStatus.APPROVED, by_id=actor.id)
        loan = loans.activate_loan(actor_id=actor.id, loan_id=standing.loan.pk)
        moved = Standing(standing.account, loan, standing.terms)
        plans.begin(moved, today=day_at(standing.account.bank, today))
        _record("loan_application.approved", application, standing.account, actor_id=actor.id)
        telling.tell(unit, standing.account, telling.loan_decided(loan))
    return application


def reject(*, actor: Principal, application_id: UUID, reason: str) -> LoanApplication:
    """Refuse to lend, for a reason that the person reads; return the application.

    Raises: LoanStaffOnly, ApplicationUnknown, OwnLoan, ReasonMissing, ApplicationDecided.
    Locks: the account, then the loan.
    Calls: `facts.loan_rejected`. After commit: `loan.decided` to the person, `loan.application_decided` to the bank
    admins' desk.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing
    found = _for_the_desk(actor, application_id)
    with unit_of_work() as unit:
        standing = lock_standing(found.loan_id)
        application = _undecided(standing)
        _close(unit, application, ApplicationStatus.REJECTED, by_id=actor.id, reason=reason)
        loans.reject_loan(actor_id=actor.id, loan_id=standing.loan.pk)
        _record("loan_application.rejected", application, standing.account, actor_id=actor.id, reason=reason)
    return application


def _check(account: Account, product: LoanProduct, amount: Decimal, months: int) -> None:
    loans.check_usable(account)
    if (product.bank_id, product.currency) != (account.bank_id, account.currency):
        raise ProductElsewhere
    check_offer(product, amount, months)


def check_offer(product: LoanProduct, amount: Decimal, months: int) -> None:
    """Raises: AmountOutOfRange, MonthsOutOfRange."""
    if not product.amount_min <= amount <= product.amount_max:
        raise AmountOutOfRange(least=str(product.amount_min), most=str(product.amount_max))
    if not product.months_min <= months <= product.months_max:
        raise MonthsOutOfRange(least=product.months_min, most=product.months_max)


def _for_the_desk(actor: Principal, application_id: UUID) -> LoanApplication:
    """Raises: LoanStaffOnly, ApplicationUnknown, OwnLoan."""
    found = selectors.desk_application(actor=actor, application_id=application_id)
    if found.account.customer.user_id == actor.id:
        raise OwnLoan
    return found


def _undecided(standing: Standing) -> LoanApplication:
    """Return the application of a locked loan. Raises: ApplicationUnknown, ApplicationDecided."""
    found = LoanApplication.objects.select_for_update(no_key=True).filter(loan=standing.loan).first()
    if found is None:
        raise ApplicationUnknown
    if found.status != ApplicationStatus.SUBMITTED:
        raise ApplicationDecided(status=found.status)
    return found


def _close(
    unit: UnitOfWork,
    application: LoanApplication,
    status: ApplicationStatus,
    *,
    by_id: int | None = None,
    reason: str = "",
) -> None:
    """Decide it, and let the desk know that it does not wait any more."""
    application.status, application.reason = status, reason
    application.decided_by_id, application.decided_at = by_id, datetime.now(UTC)
    application.save(update_fields=["status", "reason", "decided_by", "decided_at"])
    notice = LoanApplicationDecided(
        application_id=str(application.pk), bank_id=str(application.bank_id), status=status.value
    )
    notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=notice)


def _record(action: str, application: LoanApplication, account: Account, *, actor_id: int, reason: str = "") -> None:
    """The reason is about a person: it is kept where an erasure finds it."""
    user_id = account.customer.user_id
    told = {"new": {"reason": reason}} if reason and user_id is not None else {}
    audit.record(
        actor_id=actor_id,
        action=action,
        target=application,
        subject_id=user_id,
        facts={"bank": str(account.bank_id), "loan": str(application.loan_id)},
        **told,
    )
