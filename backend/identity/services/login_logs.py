"""Writing to the login log by hand: superusers only, every time audited (BUG-S1-12)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from backend.audit import services as audit
from backend.common.errors import Forbidden
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity import selectors
from backend.identity.errors import UserUnknown
from backend.identity.models import LoginLog, User


def write_login_log(
    *, actor: Principal, at: datetime, platform_os: str, successful: bool, description: str, user_id: int | None = None
) -> LoginLog:
    """Store an entry for a user, the caller if none is named. Raises: Forbidden, UserUnknown."""
    _require_superuser(actor)
    subject = actor.id if user_id is None else user_id
    if not User.objects.filter(pk=subject).exists():
        raise UserUnknown
    with unit_of_work():
        log = LoginLog.objects.create(
            user_id=subject, platform_os=platform_os, successful=successful, description=description
        )
        log.at = at  # A new row always gets the present moment (auto_now_add).
        log.save(update_fields=["at"])
        audit.record(actor_id=actor.id, action="login_log.written", target=log, subject_id=subject, new=_said(log))
    return log


def change_login_log(
    *,
    actor: Principal,
    log_id: UUID,
    at: datetime,
    platform_os: str,
    successful: bool,
    description: str,
    user_id: int | None = None,
) -> LoginLog:
    """Correct an entry; whose it is stays. Raises: Forbidden, NotFound."""
    _require_superuser(actor)
    with unit_of_work():
        log = selectors.get_login_log(actor=actor, log_id=log_id)
        old = _said(log)
        log.at, log.platform_os, log.successful, log.description = at, platform_os, successful, description
        log.save(update_fields=["at", "platform_os", "successful", "description"])
        audit.record(
            actor_id=actor.id,
            action="login_log.changed",
            target=log,
            subject_id=log.user_id,
            old=old,
            new=_said(log),
        )
    return log


def delete_login_log(*, actor: Principal, log_id: UUID) -> None:
    """Delete an entry. Raises: Forbidden, NotFound."""
    _require_superuser(actor)
    with unit_of_work():
        log = selectors.get_login_log(actor=actor, log_id=log_id)
        subject = log.user_id
        audit.record(actor_id=actor.id, action="login_log.deleted", target=log, subject_id=subject, old=_said(log))
        log.delete()


def _said(log: LoginLog) -> dict[str, Any]:
    return {name: getattr(log, name) for name in ("at", "platform_os", "successful", "description")}


def _require_superuser(actor: Principal) -> None:
    if not actor.is_superuser:
        raise Forbidden("Only superusers write to the login log by hand.")
