"""Paying a loan back: instalment by instalment, a part before its day, or all of it.

What is paid comes out of the loan's own account, whole or not at all. Interest is the bank's income when it is paid,
never before; nothing is charged for being late. Every repayment stands in the loan book as a payment, whose detail is
the principal.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from backend.banking import amortisation, facts, ledger
from backend.banking.amortisation import Row, Uneven
from backend.banking.errors import NotActive
from backend.banking.ledger import Line
from backend.banking.lending_errors import (
    InstalmentNotNext,
    InstalmentPaid,
    InstalmentsDue,
    InstalmentTooEarly,
    LeavesTooLittle,
    PayoffChanged,
    RepaymentTooMuch,
    RepaymentTooSmall,
)
from backend.banking.models import (
    Effect,
    Instalment,
    InstalmentState,
    InternalKind,
    LoanState,
    Payment,
    PaymentDetail,
    PaymentStatus,
    PostingKind,
    Repayment,
    RepaymentKind,
)
from backend.banking.selectors import lending as selectors
from backend.banking.selectors.lending import Payoff
from backend.banking.services import loans, telling
from backend.banking.services.lending import plans
from backend.banking.services.lending.ground import (
    Running,
    Standing,
    conditions_of,
    day_at,
    lock_standing,
    tell_holder,
)
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications.lending_notices import LoanRepaid

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What is taken, for what, by whom (nobody: it is collected)."""

    kind: RepaymentKind
    principal: Decimal
    interest: Decimal
    today: date
    actor_id: int | None
    effect: str = ""


def pay_instalment(*, actor: Principal, loan_id: UUID, number: int, today: date | None = None) -> Repayment:
    """Pay the oldest instalment that is not paid, as the schedule has it, and return the repayment.

    From the day on which its period begins: it costs the same then as on its due date. To save interest, repay early.
    Repeating: InstalmentPaid.
    Raises: LoanUnknown, NotActive, AccountFrozen, AccountClosed, InstalmentPaid, InstalmentNotNext, InstalmentTooEarly,
    InsufficientFunds.
    Locks: the account, then the loan. Calls: as `take`. After commit: `loan.repaid`, and `loan.paid` with the last one.
    """
    selectors.require_own_loan(actor=actor, loan_id=loan_id)
    with unit_of_work() as unit:
        standing = _lock_payable(loan_id)
        instalment = _next_of(standing, number)
        day, settled = day_at(standing.account.bank, today), Running.of(standing.terms).interest_from
        if settled > day:
            raise InstalmentTooEarly(period_from=settled.isoformat())
        return settle_instalment(unit, standing, instalment, today=day, actor_id=actor.id)


def settle_instalment(
    unit: UnitOfWork, standing: Standing, instalment: Instalment, *, today: date, actor_id: int | None
) -> Repayment:
    """Pay an instalment whose turn it is, with everything locked. Raises: InsufficientFunds. Calls: as `take`."""
    money = Money(
        kind=RepaymentKind.INSTALMENT,
        principal=instalment.principal,
        interest=instalment.interest,
        today=today,
        actor_id=actor_id,
    )
    repayment = take(unit, standing, money)
    _mark_paid([instalment], repayment)
    standing.terms.interest_from = instalment.due_on
    plans.follow(standing)
    return repayment


def repay_early(
    *, actor: Principal, loan_id: UUID, amount: Decimal, effect: str, today: date | None = None
) -> Repayment:
    """Pay a part of the principal before its day, and return the repayment.

    The interest that has accrued up to today comes first, the rest is principal. What is left is spread over the same
    due dates in lower instalments, or paid in instalments as high as before for a shorter time (`effect`).
    Repeating: a second repayment; the door's idempotency key tells a repeat.
    Raises: InvalidAmount, LoanUnknown, NotActive, AccountFrozen, AccountClosed, InstalmentsDue, RepaymentTooSmall,
    RepaymentTooMuch (that is a payoff), LeavesTooLittle, InsufficientFunds.
    Locks: the account, then the loan. Calls: as `take`. After commit: `loan.repaid`.
    """
    amount = ledger.checked_amount(amount)
    selectors.require_own_loan(actor=actor, loan_id=loan_id)
    with unit_of_work() as unit:
        standing = _lock_payable(loan_id)
        loan, terms, now = standing.loan, standing.terms, Running.of(standing.terms)
        day = day_at(standing.account.bank, today)
        if now.next_due_on <= day:
            raise InstalmentsDue(next=plans.open_instalments(standing)[0].number)
        since = max(now.interest_from, day)
        accrued = amortisation.interest_for(loan.outstanding, conditions_of(terms), now.interest_from, day)
        if amount <= accrued:
            raise RepaymentTooSmall(accrued=str(accrued))
        if amount >= loan.outstanding + accrued:
            raise RepaymentTooMuch(payoff=str(loan.outstanding + accrued))
        principal = amount - accrued
        rows = _replanned(standing, loan.outstanding - principal, since=since, effect=effect)
        repayment = take(
            unit,
            standing,
            Money(
                kind=RepaymentKind.EARLY,
                principal=principal,
                interest=accrued,
                today=day,
                actor_id=actor.id,
                effect=effect,
            ),
        )
        terms.interest_from = since
        plans.replace_open(standing, rows)
    return repayment


def pay_off(
    *, actor: Principal, loan_id: UUID, expected: Decimal | None = None, today: date | None = None
) -> Repayment:
    """Pay all that is owed today, and return the repayment: what is due as the schedule has it, the rest of the
    principal, and the interest that has accrued on that up to today. Instalments to come are gone.

    Repeating: NotActive, the loan is PAID.
    Raises: LoanUnknown, NotActive, AccountFrozen, AccountClosed, PayoffChanged (not what was `expected`),
    InsufficientFunds.
    Locks: the account, then the loan. Calls: as `take`. After commit: `loan.repaid`, `loan.paid`.
    """
    selectors.require_own_loan(actor=actor, loan_id=loan_id)
    with unit_of_work() as unit:
        standing = _lock_payable(loan_id)
        day = day_at(standing.account.bank, today)
        left = plans.open_instalments(standing)
        owed = Payoff.of(standing.loan, standing.terms, left, today=day)
        if expected is not None and expected != owed.total:
            raise PayoffChanged(payoff=str(owed.total))
        repayment = take(
            unit,
            standing,
            Money(
                kind=RepaymentKind.PAYOFF,
                principal=owed.principal,
                interest=owed.interest,
                today=day,
                actor_id=actor.id,
            ),
        )
        _mark_paid([one for one in left if one.due_on <= day], repayment)
        Instalment.objects.filter(loan=standing.loan, state=InstalmentState.OPEN).delete()
        standing.terms.interest_from = max(Running.of(standing.terms).interest_from, day)
        plans.follow(standing)
    return repayment


def take(unit: UnitOfWork, standing: Standing, money: Money) -> Repayment:
    """Move money from the account to the loan, with everything locked, and return the repayment.

    A loan that owes nothing any more is PAID.
    Raises: InsufficientFunds. Calls: `facts.posting_made`, and `facts.loan_paid` for such a loan. Not
    `facts.payment_completed`, by which partners hear of payments to theirs.
    """
    account, loan = standing.account, standing.loan
    payment = _book(standing, money)
    loan.outstanding -= money.principal
    loan.state = LoanState.ACTIVE if loan.outstanding else LoanState.PAID
    loan.save(update_fields=["outstanding", "state", "updated_at"])
    repayment = Repayment.objects.create(
        loan=loan,
        kind=money.kind,
        effect=money.effect,
        is_automatic=money.actor_id is None,
        principal=money.principal,
        interest=money.interest,
        outstanding=loan.outstanding,
        on=money.today,
        payment=payment,
    )
    told: dict[str, Any] = {"amount": payment.total_amount, "kind": str(money.kind), "posting": payment.posting_id}
    telling.record("loan.repaid", loan, account, actor_id=money.actor_id, key_prefix="", **told)
    if loan.state == LoanState.PAID:
        facts.loan_paid(facts.LoanMoved(loan, account, payment.posting))
    tell_holder(unit, account, _notice_of(repayment, standing))
    if loan.state == LoanState.PAID:
        tell_holder(unit, account, telling.loan_paid(loan))
    return repayment


def _book(standing: Standing, money: Money) -> Payment:
    account, loan = standing.account, standing.loan
    total = money.principal + money.interest
    lines = [
        Line(-total, account=account),
        Line(money.principal, internal=(account.bank_id, InternalKind.LOANS_RECEIVABLE)),
    ]
    if money.interest:
        lines.append(Line(money.interest, internal=(account.bank_id, InternalKind.INTEREST_INCOME)))
    posting = ledger.post(
        bank=account.bank, kind=PostingKind.PAYMENT, lines=lines, currency=loan.currency, actor_id=money.actor_id
    )
    payment = Payment.objects.create(
        account=account,
        bank_id=account.bank_id,
        total_amount=total,
        currency=loan.currency,
        status=PaymentStatus.COMPLETED,
        paid_at=datetime.now(UTC),
        posting=posting,
    )
    PaymentDetail.objects.create(payment=payment, loan=loan, amount=money.principal)
    return payment


def _lock_payable(loan_id: UUID) -> Standing:
    """Raises: LoanUnknown, NotActive, AccountFrozen, AccountClosed."""
    standing = lock_standing(loan_id)
    if standing.loan.state != LoanState.ACTIVE:
        raise NotActive("repaid", state=standing.loan.state)
    loans.check_usable(standing.account)
    return standing


def _next_of(standing: Standing, number: int) -> Instalment:
    """Return the oldest open instalment, which must be the one that is meant."""
    following = plans.open_instalments(standing)[0]
    if number < following.number:
        raise InstalmentPaid(next=following.number)
    if number != following.number:
        raise InstalmentNotNext(next=following.number)
    return following


def _replanned(standing: Standing, owed: Decimal, *, since: date, effect: str) -> list[Row]:
    """Return the instalments after a part was repaid, and set the level that they have."""
    terms = standing.terms
    conditions = conditions_of(terms)
    dues = [one.due_on for one in plans.open_instalments(standing)]
    try:
        if effect == Effect.SHORTER_TERM:
            return amortisation.shortened(
                amount=owed, conditions=conditions, start=since, dues=dues, level=Running.of(terms).level
            )
        rows = amortisation.schedule(amount=owed, conditions=conditions, start=since, dues=dues)
    except Uneven:
        raise LeavesTooLittle from None
    terms.level = amortisation.level_of(amount=owed, conditions=conditions, start=since, dues=dues)
    return rows


def _mark_paid(instalments: list[Instalment], repayment: Repayment) -> None:
    ids = [one.pk for one in instalments]
    Instalment.objects.filter(pk__in=ids).update(state=InstalmentState.PAID, repayment=repayment)


def _notice_of(repayment: Repayment, standing: Standing) -> LoanRepaid:
    loan = standing.loan
    return LoanRepaid(
        loan_id=str(loan.pk),
        account_id=str(loan.account_id),
        repayment=str(repayment.kind),
        is_automatic=repayment.is_automatic,
        amount=str(repayment.principal + repayment.interest),
        interest=str(repayment.interest),
        outstanding=str(loan.outstanding),
        currency=loan.currency,
    )
