"""What runs by the clock."""

from celery import shared_task

from backend.kyc.services import drafts


@shared_task
def prune_drafts() -> None:
    drafts.prune_drafts()
