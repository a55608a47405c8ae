"""Forgotten passwords: a link by mail, good once and for an hour (design.md, issue 02)."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from backend.audit import services as audit
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits
from backend.identity.errors import LinkRefused, PasswordRefused
from backend.identity.models import PasswordReset, User
from backend.identity.services import accounts, locks, sessions, signing_in

GOOD_FOR = timedelta(hours=1)


def request_reset(*, email: str) -> None:
    """Mail a link if the account exists and is active. The caller hears the same in any case.

    A newer link makes the older one worthless. The mail is sent after commit; that it could not be sent is logged.
    Locks: the user row. Raises: TooMany.
    """
    limits.take_for_address("password")
    user = signing_in.find_by_identifier(email) if "@" in email else None
    if user is None or not user.is_active:
        return
    secret = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    with unit_of_work():
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        PasswordReset.objects.filter(user=user, used_at=None).delete()
        PasswordReset.objects.create(user=user, hash=_hash(secret), expires_at=now + GOOD_FOR)
        audit.record(actor_id=None, action="password_reset.requested", target=user)
        audit.raise_security_event(
            event_type="PASSWORD_RESET", user_id=user.pk, severity="LOW", description="A reset link was asked for."
        )
        address = user.email
        transaction.on_commit(lambda: _mail(address, secret), robust=True)


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
