"""Jobs of the support desk."""

from celery import shared_task

from backend.support.services import attachments


@shared_task
def expire_attachments() -> None:
    attachments.expire_unsent()
