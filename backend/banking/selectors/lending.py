"""What people see of loan products, applications and loans of their own, and the staff of banks of others'."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import DateField, DateTimeField, F, Func, Q, QuerySet
from django.db.models.functions import Cast, Now

from backend.banking import amortisation
from backend.banking.amortisation import Conditions, DayCount, Method
from backend.banking.errors import LoanUnknown
from backend.banking.lending_errors import ApplicationUnknown, LoanStaffOnly, ProductUnknown
from backend.banking.models import (
    Account,
    Door,
    Instalment,
    Loan,
    LoanApplication,
    LoanProduct,
    LoanState,
    LoanTerms,
    Repayment,
)
from backend.banking.selectors.banks import ids_managed_by
from backend.common.keysets import Position, Row, newest_first
from backend.common.principal import AUDITOR, BANK_ADMIN, Principal

ZERO = Decimal("0.00")
ACCOUNTS_MAX = 200

PRODUCT = (
    *("id", "bank_id", "bank__bank_name", "name", "currency", "annual_rate", "day_count", "amount_min", "amount_max"),
    *("months_min", "months_max", "grace_days", "charge_off_days", "is_open", "created_at"),
)
APPLICATION = (
    *("id", "loan_id", "account_id", "account__account_number", "bank_id", "bank__bank_name", "status", "reason"),
    *("created_at", "decided_at", "loan__current_loan_amount", "loan__currency", "loan__purpose", "loan__state"),
    *("loan__terms__product_id", "loan__terms__product__name", "loan__terms__annual_rate", "loan__terms__day_count"),
    *("loan__terms__method", "loan__terms__months"),
)
# Beside it, what the desk decides by.
APPLICANT = (
    *("score_id", "score__prediction", "score__probability", "score__risk_band", "score__model_version"),
    *(
        "score__reasons",
        "score__outside",
        "decided_by_id",
        "account__balance",
        "account__customer_id",
        "account__customer__user__kyc_status",
    ),
    *("account__customer__first_name", "account__customer__last_name", "account__customer__credit_score"),
    *("account__customer__annual_income", "account__monthly_debt"),
)
LOAN = (
    *("loan_id", "loan__account_id", "loan__account__account_number", "bank_id", "bank__bank_name", "bank__time_zone"),
    *("loan__current_loan_amount", "loan__outstanding", "loan__currency", "loan__state", "loan__purpose"),
    *("annual_rate", "apr", "day_count", "method", "months", "grace_days", "charge_off_days", "started_on", "level"),
    *("interest_from", "next_due_on", "next_amount", "late_on", "loan__created_at"),
)
BORROWER = ("loan__account__customer_id", "loan__account__customer__first_name", "loan__account__customer__last_name")
REPAYMENT = (
    *("id", "loan_id", "kind", "effect", "is_automatic", "principal", "interest", "outstanding", "on", "created_at"),
    "loan__currency",
)
# What day it is at the bank of each row.
BANKS_TODAY = Cast(
    Func(F("bank__time_zone"), Now(), function="timezone", output_field=DateTimeField()), output_field=DateField()
)
LENT = (LoanState.ACTIVE, LoanState.PAID, LoanState.CHARGED_OFF)


@dataclass(frozen=True, slots=True)
class Payoff:
    """What it costs to be done with a loan on a day."""

    on: date
    principal: Decimal
    due_interest: Decimal
    accrued_interest: Decimal

    @property
    def interest(self) -> Decimal:
        return self.due_interest + self.accrued_interest

    @property
    def total(self) -> Decimal:
        return self.principal + self.interest

    @classmethod
    def of(cls, loan: Loan, terms: LoanTerms, left: Sequence[Instalment], *, today: date) -> "Payoff":
        """Return what is owed today: instalments that are due as the schedule has them, and the rest of the principal
        with what has accrued on it since the last of them, or since interest was settled."""
        due = [one for one in left if one.due_on <= today]
        since = due[-1].due_on if due else terms.interest_from or today
        rest = loan.outstanding - sum((one.principal for one in due), ZERO)
        conditions = Conditions(
            annual_rate=terms.annual_rate, method=Method(terms.method), day_count=DayCount(terms.day_count)
        )
        accrued = amortisation.interest_for(rest, conditions, since, today)
        return cls(today, loan.outstanding, sum((one.interest for one in due), ZERO), accrued)


# Who sees what


def desk_banks(actor: Principal, *, reading: bool = False) -> list[UUID] | None:
    """Return whose loans the actor decides about: every bank's for bank admins (None), a manager's own banks'.

    Auditors read every bank's, and decide nothing (S2-B35). Raises: LoanStaffOnly.
    """
    if actor.has_role(BANK_ADMIN) or (reading and actor.has_role(AUDITOR)):
        return None
    managed = ids_managed_by(actor.id)
    if not managed:
        raise LoanStaffOnly
    return managed


# Products


def list_products(
    *, bank_id: UUID | None, after: Position | None, limit: int, banks: list[UUID] | None = None, closed: bool = False
) -> list[Row]:
    """Return what is offered, the newest first: everywhere or at one bank; `closed` ones too, for the desk."""
    rows = LoanProduct.objects.all() if closed else LoanProduct.objects.filter(is_open=True)
    wanted = _wanted(banks, bank_id)
    parts = [rows] if wanted is None else [rows.filter(bank=one) for one in wanted]
    return newest_first([part.values(*PRODUCT) for part in parts], at="created_at", key="id", after=after, limit=limit)


def get_open_product(product_id: UUID) -> LoanProduct:
    """Raises: ProductUnknown."""
    found = LoanProduct.objects.select_related("bank").filter(pk=product_id, is_open=True).first()
    if found is None:
        raise ProductUnknown
    return found


def product_row(product_id: UUID) -> Row:
    return LoanProduct.objects.values(*PRODUCT).get(pk=product_id)


# Applications


def own_application(*, actor: Principal, application_id: UUID) -> LoanApplication:
    """Raises: ApplicationUnknown."""
    found = LoanApplication.objects.filter(pk=application_id, account__customer__user=actor.id).first()
    if found is None:
        raise ApplicationUnknown
    return found


def application_row(application_id: UUID, *names: str) -> Row:
    return LoanApplication.objects.values(*APPLICATION, *names).get(pk=application_id)


def list_own_applications(*, actor: Principal, after: Position | None, limit: int) -> list[Row]:
    """Return what the actor has asked for, the newest first. Two queries."""
    parts = [LoanApplication.objects.filter(account=one).values(*APPLICATION) for one in _accounts_of(actor)]
    return newest_first(parts, at="created_at", key="id", after=after, limit=limit)


def desk_application(*, actor: Principal, application_id: UUID, reading: bool = False) -> LoanApplication:
    """Raises: LoanStaffOnly, ApplicationUnknown (also one at a bank that the actor does not manage)."""
    banks = desk_banks(actor, reading=reading)
    rows = LoanApplication.objects.select_related("account__customer", "bank")
    found = (rows if banks is None else rows.filter(bank__in=banks)).filter(pk=application_id).first()
    if found is None:
        raise ApplicationUnknown
    return found


def list_desk_applications(
    *, actor: Principal, bank_id: UUID | None, status: str, after: Position | None, limit: int
) -> list[Row]:
    """Return what people have asked the actor's banks for, the newest first. Raises: LoanStaffOnly."""
    banks = _wanted(desk_banks(actor, reading=True), bank_id)
    rows = LoanApplication.objects.filter(**({"status": status} if status else {}))
    parts = [rows] if banks is None else [rows.filter(bank=one) for one in banks]
    parts = [part.values(*APPLICATION, *APPLICANT) for part in parts]
    return newest_first(parts, at="created_at", key="id", after=after, limit=limit)


# Loans


def require_own_loan(*, actor: Principal, loan_id: UUID) -> None:
    """Raises: LoanUnknown, unless it is a loan of this door on an account of the actor's."""
    mine = Loan.objects.filter(pk=loan_id, account__customer__user=actor.id, door=Door.CUSTOMER)
    if not mine.exists():
        raise LoanUnknown


def own_loan(*, actor: Principal, loan_id: UUID) -> LoanTerms:
    """Return the terms of a loan that was lent to the actor, with the loan. Raises: LoanUnknown."""
    mine = LoanTerms.objects.select_related("loan", "bank").filter(loan__account__customer__user=actor.id)
    found = mine.filter(pk=loan_id, loan__state__in=LENT).first()
    if found is None:
        raise LoanUnknown
    return found


def loan_row(loan_id: UUID, *names: str) -> Row:
    return LoanTerms.objects.values(*LOAN, *names).get(pk=loan_id)


def list_own_loans(*, actor: Principal, after: Position | None, limit: int) -> list[Row]:
    """Return what was lent to the actor, the newest first. Two queries."""
    rows = LoanTerms.objects.filter(loan__state__in=LENT)
    parts = [rows.filter(loan__account=one).values(*LOAN) for one in _accounts_of(actor)]
    return newest_first(parts, at="loan__created_at", key="loan_id", after=after, limit=limit)


def desk_loan(*, actor: Principal, loan_id: UUID, reading: bool = False) -> Loan:
    """Return a loan that was lent through this door. Raises: LoanStaffOnly, LoanUnknown."""
    banks = desk_banks(actor, reading=reading)
    rows = Loan.objects.select_related("account__customer").filter(door=Door.CUSTOMER, state__in=LENT)
    found = (rows if banks is None else rows.filter(bank__in=banks)).filter(pk=loan_id).first()
    if found is None:
        raise LoanUnknown
    return found


def list_running_loans(
    *, actor: Principal, bank_id: UUID | None, late: bool, after: tuple[date, UUID] | None, limit: int
) -> list[Row]:
    """Return loans with something left to pay, the one that has waited longest first. Raises: LoanStaffOnly."""
    banks = _wanted(desk_banks(actor, reading=True), bank_id)
    rows: QuerySet[LoanTerms] = LoanTerms.objects.filter(next_due_on__isnull=False)
    if banks is not None:
        rows = rows.filter(bank__in=banks)
    if late:
        # The day is each bank's; the range, which the index knows, is a day too wide for some of them.
        rows = rows.filter(next_due_on__lte=datetime.now(UTC).date() + timedelta(days=1), late_on__lte=BANKS_TODAY)
    if after is not None:
        day, last = after
        rows = rows.filter(Q(next_due_on__gt=day) | Q(next_due_on=day, loan_id__gt=last), next_due_on__gte=day)
    return list(rows.order_by("next_due_on", "loan_id").values(*LOAN, *BORROWER)[:limit])


def instalments_of(loan_id: UUID) -> list[Row]:
    """Return the schedule as it stands, in order, with the day on which each was paid."""
    rows = Instalment.objects.filter(loan=loan_id).order_by("number")
    names = ("number", "due_on", "principal", "interest", "balance", "state", "repayment__on")
    return list(rows.values(*names))


def open_instalments(loan_id: UUID) -> list[Instalment]:
    return list(Instalment.objects.filter(loan=loan_id, state="open").order_by("number"))


def list_repayments(*, loan_id: UUID, after: Position | None, limit: int) -> list[Row]:
    rows = Repayment.objects.filter(loan=loan_id).values(*REPAYMENT)
    return newest_first([rows], at="created_at", key="id", after=after, limit=limit)


def repayment_row(repayment_id: UUID) -> Row:
    return Repayment.objects.values(*REPAYMENT).get(pk=repayment_id)


def today_in(zone: str) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(zone)).date()


def standing_of(row: Row, today: date) -> dict[str, Any]:
    """Return what a loan's dates mean today: `standing`, the days since the oldest due date, and from when on it may be
    given up. A loan that has ended has no standing."""
    due_on = row["next_due_on"]
    if due_on is None:
        return {"standing": None, "days_overdue": 0, "may_be_charged_off_on": None}
    standing = "late" if row["late_on"] <= today else "due" if due_on <= today else "current"
    return {
        "standing": standing,
        "days_overdue": max((today - due_on).days, 0),
        "may_be_charged_off_on": due_on + timedelta(days=row["charge_off_days"]),
    }


def _wanted(banks: list[UUID] | None, bank_id: UUID | None) -> list[UUID] | None:
    if bank_id is None:
        return banks
    return [bank_id] if banks is None or bank_id in banks else []


def _accounts_of(actor: Principal) -> list[UUID]:
    rows = Account.objects.filter(customer__user=actor.id).order_by("created_at", "pk")
    return list(rows.values_list("pk", flat=True)[:ACCOUNTS_MAX])
