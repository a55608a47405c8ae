"""What the model says of an application. Whoever predicts hears of a new one by `facts.loan_created` (door customer),
after commit, and keeps its answer here; staff read it beside the application, people do not."""

from typing import Any
from uuid import UUID

from backend.audit import services as audit
from backend.banking.lending_errors import ApplicationUnknown
from backend.banking.models import LoanApplication
from backend.common.unit_of_work import unit_of_work


def keep_score(*, application_id: UUID, score: dict[str, Any]) -> LoanApplication:
    """Store the model's answer, in the place of an earlier one, and return the application.

    Raises: ApplicationUnknown. Locks: the application.
    """
    with unit_of_work():
        application = LoanApplication.objects.select_for_update(no_key=True).filter(pk=application_id).first()
        if application is None:
            raise ApplicationUnknown
        application.score = score
        application.save(update_fields=["score"])
        facts = {"model": score.get("model_version")}
        audit.record(actor_id=None, action="loan_application.scored", target=application, facts=facts)
    return application
