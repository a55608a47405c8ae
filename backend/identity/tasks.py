"""Jobs of this slice: mailing links, and forgetting what is over."""

from celery import shared_task

from backend.common import request_context
from backend.common.tasks import MAIL_RETRIES
from backend.identity.services import passwords, retention


@shared_task(name="identity.send_reset_link", **MAIL_RETRIES)
def send_reset_link(user_id: int | None, ip: str | None, user_agent: str) -> None:
    """Mail a link to set a new password. Twice: a newer link, and the older one is worthless."""
    if user_id is None:
        return
    with request_context.entered(request_context.RequestContext(ip=ip, user_agent=user_agent)):
        passwords.send_reset_link(user_id=user_id)


@shared_task(name="identity.prune")
def prune() -> None:
    """Delete sessions, tickets, links, counters and log lines that are older than they are kept."""
    retention.prune()
