"""What the loan model is told of a loan (S0-B10), and what it said of loans before."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from backend.banking.errors import AccountUnknown, RunUnknown
from backend.banking.models import Account, Loan, LoanScore, LoanState, RunScore, ScoringRun
from backend.banking.selectors.banks import banks_managed_by, require_banks
from backend.common.principal import Principal

AMOUNT, TERM, PURPOSE = "Current Loan Amount", "Term", "Purpose"
OF_ACCOUNT = {
    "Monthly Debt": "monthly_debt",
    "Months since last delinquent": "months_since_last_delinquent",
    "Current Credit Balance": "current_credit_balance",
    "Maximum Open Credit": "maximum_open_credit",
    "Credit Score": "customer__credit_score",
    "Annual Income": "customer__annual_income",
    "Years in current job": "customer__years_in_current_job",
    "Home Ownership": "customer__home_ownership",
    "Years of Credit History": "customer__years_of_credit_history",
    "Number of Open Accounts": "customer__number_of_open_accounts",
    "Number of Credit Problems": "customer__number_of_credit_problems",
    "Bankruptcies": "customer__bankruptcies",
    "Tax Liens": "customer__tax_liens",
}
OF_LOAN = {AMOUNT: "current_loan_amount", TERM: "term", PURPOSE: "purpose"}
LOAN_COLUMNS = (*OF_LOAN.values(), *(f"account__{path}" for path in OF_ACCOUNT.values()))
FEATURES = (*OF_LOAN, *OF_ACCOUNT)
UNDER_WAY = (LoanState.PENDING, LoanState.ACTIVE)


def told_of(row: Sequence[Any], **asked: Any) -> dict[str, Any]:
    """Return the 16 features from a row of OF_ACCOUNT and what was asked for."""
    return {
        AMOUNT: asked["amount"],
        TERM: asked["term"],
        PURPOSE: asked["purpose"],
        **dict(zip(OF_ACCOUNT, row, strict=True)),
    }


def facts_of_managed(*, actor: Principal, account_id: UUID) -> Sequence[Any]:
    """Return what is known of an account at a bank of the actor's, in the order of OF_ACCOUNT, by one query.

    Raises: NotABankManager, AccountUnknown (also another bank's: E-S0-5, BUG-S0-19).
    """
    mine = banks_managed_by(actor.id).values("pk")
    row = Account.objects.filter(pk=account_id, bank__in=mine).values_list(*OF_ACCOUNT.values()).first()
    if row is None:
        require_banks(actor)
        raise AccountUnknown
    return row


def facts_of(account_id: UUID) -> Sequence[Any]:
    return Account.objects.values_list(*OF_ACCOUNT.values()).get(pk=account_id)


def loans_to_score(run: ScoringRun) -> QuerySet[Loan]:
    """The loans that a run is about, newest first, those that are done left out."""
    found = Loan.objects.filter(bank=run.bank_id, created_at__lte=run.created_at)
    if not run.ended_too:
        found = found.filter(state__in=UNDER_WAY)
    if run.after_at is not None:
        found = found.filter(Q(created_at__lt=run.after_at) | Q(created_at=run.after_at, pk__gt=run.after_id))
    return found.order_by("-created_at", "pk")


def columns_of(rows: Sequence[Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
    """Return rows of LOAN_COLUMNS as the model takes many at once."""
    return dict(zip(FEATURES, zip(*rows, strict=True), strict=True))


def scores_of_account(account_id: UUID) -> QuerySet[LoanScore]:
    """What the model said of loans that were asked for on an account that the caller may see, newest first."""
    return LoanScore.objects.filter(account=account_id).order_by("-id")


def get_run(*, actor: Principal, run_id: UUID) -> ScoringRun:
    """Return a scoring of a bank of the actor's. Raises: RunUnknown."""
    found = ScoringRun.objects.filter(pk=run_id, bank__in=banks_managed_by(actor.id).values("pk")).first()
    if found is None:
        raise RunUnknown
    return found


def scores_of(run: ScoringRun, *, band: str | None = None) -> QuerySet[RunScore, Any]:
    """What a run said of each loan, the riskiest first."""
    found = RunScore.objects.filter(run=run) if band is None else RunScore.objects.filter(run=run, risk_band=band)
    return found.order_by("probability", "id").values(
        "loan", "loan__account", "loan__state", "loan__loan_status", "prediction", "probability", "risk_band"
    )
