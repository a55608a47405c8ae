"""A row more of each model that keeps what the loan model said (tests/pages.py)."""

from decimal import Decimal

from backend.banking.models import LoanScore, RunScore, ScoringRun
from backend.banking.services import predictions
from backend.banking.tests.manager_factories import make_account, make_bank, make_loan
from backend.tests.stage import Stage


def _score(stage: Stage) -> LoanScore | None:
    account = make_account(make_bank(stage.make_user()).manager)
    return predictions.score_application(account=account, amount=Decimal("9.00"), term="Long Term", purpose="Moving")


def _run(stage: Stage) -> ScoringRun:
    return ScoringRun.objects.create(bank=make_bank(stage.make_user()), started_by=1)


def _run_score(stage: Stage) -> RunScore:
    run = _run(stage)
    said = {"prediction": "Fully Paid", "probability": Decimal("0.8"), "risk_band": "LOW"}
    return RunScore.objects.create(run=run, loan=make_loan(run.bank.manager), **said)


SCORING_ROWS = {"banking.LoanScore": _score, "banking.ScoringRun": _run, "banking.RunScore": _run_score}
