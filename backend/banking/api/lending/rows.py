"""From rows as the database has them to rows as the door shows them."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from backend.banking import amortisation
from backend.banking.amortisation import Row as Planned
from backend.banking.models import LoanProduct
from backend.banking.selectors.lending import Payoff, standing_of, today_in
from backend.common.keysets import Row

ZERO = Decimal("0.00")


def product(row: Row) -> Row:
    return _renamed(row, {"bank_id": "bank", "bank__bank_name": "bank_name"})


def quote(
    offered: LoanProduct, amount: Decimal, method: str, plan: Sequence[Planned], *, today: date
) -> dict[str, Any]:
    interest = sum((one.interest for one in plan), ZERO)
    return {
        "amount": amount,
        "currency": offered.currency,
        "months": len(plan),
        "method": method,
        "day_count": offered.day_count,
        "annual_rate": offered.annual_rate,
        "apr": amortisation.apr_of(amount, today, [(one.due_on, one.payment) for one in plan]),
        "total_interest": interest,
        "total": amount + interest,
        "instalments": [
            {
                "number": number,
                "due_on": one.due_on,
                "payment": one.payment,
                "principal": one.principal,
                "interest": one.interest,
                "balance": one.balance,
            }
            for number, one in enumerate(plan, 1)
        ],
    }


_APPLICATION = {
    "loan_id": "loan",
    "loan__state": "loan_state",
    "account_id": "account",
    "account__account_number": "account_number",
    "bank_id": "bank",
    "bank__bank_name": "bank_name",
    "loan__terms__product_id": "product",
    "loan__terms__product__name": "product_name",
    "loan__current_loan_amount": "amount",
    "loan__currency": "currency",
    "loan__terms__months": "months",
    "loan__terms__method": "method",
    "loan__terms__annual_rate": "annual_rate",
    "loan__terms__day_count": "day_count",
    "loan__purpose": "purpose",
}
_APPLICANT = {
    "account__customer_id": "customer",
    "account__customer__user__kyc_status": "kyc_status",
    "account__customer__credit_score": "credit_score",
    "account__customer__annual_income": "annual_income",
    "account__monthly_debt": "monthly_debt",
    "account__balance": "balance",
}


_SCORE = ("prediction", "probability", "risk_band", "model_version", "reasons", "outside")


def application(row: Row) -> Row:
    return _renamed(row, _APPLICATION)


def desk_application(row: Row) -> Row:
    kept = dict(row)
    first, last = kept.pop("account__customer__first_name"), kept.pop("account__customer__last_name")
    applicant = {shown: kept.pop(name) for name, shown in _APPLICANT.items()}
    score = {name: kept.pop(f"score__{name}") for name in _SCORE}
    said = {**score, "reasons": [reason["words"] for reason in score["reasons"] or []]}
    return {
        **_renamed(kept, {**_APPLICATION, "decided_by_id": "decided_by"}),
        "score": said if kept.pop("score_id") is not None else None,
        "applicant": {**applicant, "name": f"{first} {last}".strip()},
    }


_LOAN = {
    "loan_id": "id",
    "loan__state": "state",
    "loan__account_id": "account",
    "loan__account__account_number": "account_number",
    "bank_id": "bank",
    "bank__bank_name": "bank_name",
    "loan__current_loan_amount": "amount",
    "loan__outstanding": "outstanding",
    "loan__currency": "currency",
    "loan__purpose": "purpose",
}
_BORROWER = "loan__account__customer"
_HIDDEN = ("bank__time_zone", "charge_off_days", "late_on", "loan__created_at")


def loan(row: Row) -> Row:
    """A loan, and what its dates mean on the bank's present day."""
    kept = {name: value for name, value in row.items() if name not in _HIDDEN and not name.startswith(_BORROWER)}
    shown = {**_renamed(kept, _LOAN), **standing_of(row, today_in(row["bank__time_zone"]))}
    if f"{_BORROWER}_id" not in row:
        return shown
    name = f"{row[f'{_BORROWER}__first_name']} {row[f'{_BORROWER}__last_name']}".strip()
    return {**shown, "borrower": {"customer": row[f"{_BORROWER}_id"], "name": name}}


def with_schedule(row: Row, instalments: Sequence[Row]) -> Row:
    today = today_in(row["bank__time_zone"])
    shown = [_instalment(one, row["grace_days"], today) for one in instalments]
    totals = {name: sum((one[name] for one in shown), ZERO) for name in ("payment", "principal", "interest")}
    return {**loan(row), "totals": totals, "instalments": shown}


def _instalment(row: Row, grace_days: int, today: date) -> Row:
    state = row["state"]
    if state == "open":
        overdue = (today - row["due_on"]).days
        state = "late" if overdue > grace_days else "due" if overdue >= 0 else "upcoming"
    kept = _renamed(row, {"repayment__on": "paid_on"})
    return {**kept, "payment": row["principal"] + row["interest"], "state": state}


def payoff(owed: Payoff) -> dict[str, Any]:
    return {
        "on": owed.on,
        "principal": owed.principal,
        "due_interest": owed.due_interest,
        "accrued_interest": owed.accrued_interest,
        "total": owed.total,
    }


def repayment(row: Row) -> Row:
    kept = _renamed(row, {"loan_id": "loan", "loan__currency": "currency"})
    return {**kept, "amount": row["principal"] + row["interest"]}


def _renamed(row: Row, names: dict[str, str]) -> Row:
    return {names.get(name, name): value for name, value in row.items()}
