"""Forgotten passwords: a link by mail, good once and for an hour (design.md, issue 02)."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail

from backend.audit import services as audit
from backend.common import jobs, request_context
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits, tasks
from backend.identity.errors import LinkRefused, PasswordRefused
from backend.identity.models import PasswordReset, User
from backend.identity.services import accounts, locks, sessions, signing_in

GOOD_FOR = timedelta(hours=1)


def request_reset(*, email: str) -> None:
    """Have a link mailed if the account exists and is active. The caller hears the same in any case.

    What is done here is the same for everybody: one look and one job, which may find that there is nothing to do. So
    neither the answer nor its time tells whether there is an account. Raises: TooMany.
    """
    limits.take_for_address("password")
    user = signing_in.find_by_identifier(email if "@" in email else "nobody@invalid")
    context = request_context.current()
    user_id = user.pk if user is not None else None
    jobs.enqueue(tasks.send_reset_link, user_id=user_id, ip=context.ip, user_agent=context.user_agent)


def send_reset_link(*, user_id: int) -> None:
    """Mail a link to the account's address, if it is active. A newer link makes the older one worthless.

    Locks: the user row. Raises: OSError when the mail server does not take it; the link is stored then, and trying
    again replaces it.
    """
    secret = secrets.token_urlsafe(32)
    with unit_of_work():
        user = User.objects.select_for_update(no_key=True).filter(pk=user_id, is_active=True).first()
        if user is None:
            return
        PasswordReset.objects.filter(user=user, used_at=None).delete()
        PasswordReset.objects.create(user=user, hash=_hash(secret), expires_at=datetime.now(UTC) + GOOD_FOR)
        audit.record(actor_id=None, action="password_reset.requested", target=user)
        audit.raise_security_event(
            event_type="PASSWORD_RESET", user_id=user.pk, severity="LOW", description="A reset link was asked for."
        )
    _mail(user.email, secret)


def reset_password(*, secret: str, new_password: str) -> None:
    """Set a new password by a mailed link, and end every session.

    Raises: LinkRefused (used, expired, unknown), PasswordRefused (and the link stays good), TooMany.
    Locks: the link's row, so that of two uses at once one wins.
    """
    limits.take_for_address("password")
    with unit_of_work():
        link = (
            PasswordReset.objects.select_for_update(of=("self",))
            .select_related("user")
            .filter(hash=_hash(secret), used_at=None, expires_at__gt=datetime.now(UTC), user__is_active=True)
            .first()
        )
        if link is None:
            raise LinkRefused
        user = link.user
        accounts.check_new_password(new_password, user=user, field="new_password", refusal=PasswordRefused)
        user.set_password(new_password)
        user.save(update_fields=["password", "updated_at"])
        link.used_at = datetime.now(UTC)
        link.save(update_fields=["used_at"])
        audit.record(actor_id=user.pk, action="user.password_reset", target=user)
        sessions.end_all_sessions(user_id=user.pk, reason="password_changed")
        locks.unlock(user=user, by_id=user.pk)  # Whoever reads the account's mail is no guesser.


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _mail(address: str, secret: str) -> None:
    link = f"{settings.PASSWORD_RESET_URL}{secret}"
    send_mail(
        "Set a new password",
        f"Somebody, hopefully you, asked for a new password for this account.\n\nOpen this link within an hour to set "
        f"one:\n\n{link}\n\nIf it was not you, nothing has changed and you need not do anything.\n",
        settings.DEFAULT_FROM_EMAIL,
        [address],
    )
