"""What a person's rights mean for scores of the loans they asked for."""

from backend.banking.models import LoanScore
from backend.common import hooks

CHUNK = 500


def export_scores(export: hooks.Export) -> None:
    """Write out what the model was told of the person and what it said, with its reasons."""
    found = LoanScore.objects.filter(account__customer__user=export.user_id).order_by("id")
    export.add(
        "banking/loan_scores.json",
        (
            {
                "account": str(one.account_id),
                "current_loan_amount": str(one.current_loan_amount),
                "term": one.term,
                "purpose": one.purpose,
                "prediction": one.prediction,
                "probability": str(one.probability),
                "risk_band": one.risk_band,
                "model_version": one.model_version,
                "told": one.told,
                "reasons": [reason["words"] for reason in one.reasons],
                "created_at": one.created_at.isoformat(),
            }
            for one in found.iterator(CHUNK)
        ),
    )


def erase_scores(erasure: hooks.Erasure) -> None:
    """Forget what the model was told of the person, and the reasons, which repeat it. The score stays with the loan."""
    found = LoanScore.objects.filter(account__customer__user=erasure.user_id)
    found.update(told={}, reasons=[], purpose="")
