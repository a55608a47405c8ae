"""Jobs about people: what happens after the answer, and what is forgotten by the clock."""

from datetime import UTC, datetime
from uuid import UUID

import structlog
from celery import shared_task
from django.conf import settings
from django.core.mail import get_connection, send_mail

from backend.common import jobs, request_context, vault
from backend.common.tasks import MAIL_RETRIES
from backend.identity.models import RuleNotice, User
from backend.identity.services import exports, passwords, retention, rules

log = structlog.get_logger(__name__)

NOT_YOU = "If this was not you, set a new password at once and contact us."
MAILS = {
    "two_factor.enabled": (
        "Your second factor is on",
        "From now on, signing in to your account asks for a code of your authenticator app.",
    ),
    "two_factor.disabled": (
        "Your second factor is off",
        "From now on, signing in to your account takes your password alone.",
    ),
    "two_factor.recovery_codes_renewed": (
        "You have new recovery codes",
        "New recovery codes were made for your account. The earlier ones do not work any more.",
    ),
    "export.requested": (
        "Your data was asked for",
        "Somebody signed in as you has asked for an archive of everything that we keep about you.",
    ),
    "export.finished": (
        "Your data is ready",
        "The archive that you asked for can be fetched in the app, once, within three days.",
    ),
    "export.failed": (
        "Your data could not be put together",
        "Something went wrong on our side. Please ask for the archive again.",
    ),
}


@shared_task(name="identity.mail_about_security", **MAIL_RETRIES)
def mail_about_security(user_id: int, what: str) -> None:
    """Tell a person by mail what happened to their account. Whoever was erased meanwhile is not told."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return
    subject, text = MAILS[what]
    send_mail(subject, f"{text}\n\n{NOT_YOU}\n", settings.DEFAULT_FROM_EMAIL, [user.email])


@shared_task(name="identity.write_export")
def write_export(export_id: str) -> None:
    exports.write_export(export_id=UUID(export_id))


@shared_task(name="identity.discard_files")
def discard_files(ids: list[str]) -> None:
    vault.discard([UUID(one) for one in ids])


@shared_task(name="identity.sweep_exports")
def sweep_exports() -> None:
    exports.sweep()


@shared_task(name="identity.tell_of_rule")
def tell_of_rule(change_id: int) -> None:
    """Tell a batch, and have the next one told by a job of its own: a large bank's people are many."""
    if rules.tell_batch(change_id=change_id):
        jobs.enqueue(tell_of_rule, change_id=change_id)


@shared_task(name="identity.tell_on")
def tell_on() -> None:
    for change_id in rules.unfinished():
        jobs.enqueue(tell_of_rule, change_id=change_id)


@shared_task(name="identity.mail_of_rule")
def mail_of_rule(change_id: int, user_ids: list[int]) -> None:
    """Mail each of them once. One whose mail is not taken keeps the notice in the inbox, and is logged."""
    waiting = RuleNotice.objects.filter(change_id=change_id, user_id__in=user_ids, mailed_at=None, user__is_active=True)
    with get_connection() as server:
        for notice in waiting.select_related("change", "user").order_by("pk"):
            change = notice.change
            text = f"{change.text}\n\nThis counts from {change.effective_on} on.\n"
            try:
                send_mail(change.title, text, settings.DEFAULT_FROM_EMAIL, [notice.user.email], connection=server)
            except OSError as fault:
                log.warning("rule.not_mailed", notice=notice.pk, fault=type(fault).__name__)
                continue
            RuleNotice.objects.filter(pk=notice.pk).update(mailed_at=datetime.now(UTC))


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
