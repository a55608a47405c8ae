"""Asking the loan model how a loan will end (S0-R21).

The artefact is opened by whoever asks first, once for each process, and never at import (S0-B15, BUG-S0-20). Where it
cannot be used, predicting says so and nothing else notices.
"""

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.conf import settings

from backend.banking.errors import ModelUnavailable
from backend.banking.models import Account, LoanScore
from backend.banking.selectors import scoring as selectors
from backend.common.principal import Principal
from ml.errors import BrokenArtefact
from ml.inference import Reason, Score, opened

if TYPE_CHECKING:
    from ml.inference.model import Model

log = structlog.get_logger(__name__)

PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Estimate:
    """`reasons` are None where nobody asked for them."""

    score: Score
    reasons: tuple[Reason, ...] | None = None


def model() -> "Model":
    """Return the process's model. Raises: ModelUnavailable."""
    try:
        return opened(settings.LOAN_MODEL)
    except BrokenArtefact as fault:
        log.error("model.unavailable", fault=str(fault))
        raise ModelUnavailable from fault


def predict(
    *, actor: Principal, account_id: UUID, amount: Decimal, term: str | None, purpose: str, with_reasons: bool
) -> Estimate:
    """Estimate how a loan on an account of the actor's bank would end. Stores nothing.

    Raises: NotABankManager, AccountUnknown, ModelUnavailable.
    """
    row = selectors.facts_of_managed(actor=actor, account_id=account_id)
    told = selectors.told_of(row, amount=amount, term=term, purpose=purpose)
    if not with_reasons:
        return Estimate(model().score(told))
    explained = model().explain(told)
    return Estimate(explained.score, explained.reasons)


def score_application(*, account: Account, amount: Decimal, term: str | None, purpose: str) -> LoanScore | None:
    """Score a loan that is being asked for and store score, reasons and what the model was told; return that.

    None where the model cannot be used: an application is never refused for that. Joins the caller's unit of work,
    which records the application. Locks nothing.
    """
    told = selectors.told_of(selectors.facts_of(account.pk), amount=amount, term=term, purpose=purpose)
    try:
        explained = model().explain(told)
    except ModelUnavailable:
        return None
    score = explained.score
    return LoanScore.objects.create(
        account=account,
        current_loan_amount=amount,
        term=term,
        purpose=purpose,
        prediction=score.prediction,
        probability=rounded(score.probability),
        risk_band=score.risk_band,
        model_version=score.model_version,
        told={name: None if value is None else str(value) for name, value in told.items()},
        reasons=[reason_row(reason) for reason in explained.reasons],
        outside=list(score.outside),
    )


def rounded(probability: float) -> Decimal:
    return Decimal(probability).quantize(PLACES)


def reason_row(reason: Reason) -> dict[str, Any]:
    return {**asdict(reason), "effect": round(reason.effect, 4)}
