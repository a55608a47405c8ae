"""Jobs of banking. Each takes ids, reads again, and may run twice."""

import uuid

from celery import shared_task

from backend.banking.services import portfolios


@shared_task(name="banking.score_portfolio")
def score_portfolio(run_id: str) -> None:
    portfolios.score_on(uuid.UUID(run_id))


@shared_task(name="banking.resume_scoring")
def resume_scoring() -> int:
    return portfolios.resume_stuck()


@shared_task(name="banking.purge_scoring")
def purge_scoring() -> int:
    return portfolios.purge_old()
