"""What runs by the clock."""

from celery import shared_task

from backend.kyc.services import drafts, expiries, uploads


@shared_task
def prune_drafts() -> None:
    drafts.prune_drafts()


@shared_task
def complete_left_behind() -> None:
    uploads.complete_left_behind()


@shared_task
def prune_uploads() -> None:
    uploads.prune_uploads()


@shared_task
def expire_approvals() -> None:
    expiries.expire_approvals()


@shared_task
def delete_old_refusals() -> None:
    expiries.delete_old_refusals()
