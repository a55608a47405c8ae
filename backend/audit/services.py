"""Writing the trail. Both functions write in the caller's transaction: no write without its row, no row without it."""

from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import DatabaseError, models, transaction

from backend.audit.models import AuditLog, SecurityEvent
from backend.common import hooks, request_context
from backend.common.errors import NotFound
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)


def record(
    *, actor_id: int | None, action: str, target: models.Model | None = None, facts: dict[str, Any] | None = None
) -> AuditLog:
    """Store who did what to which object. `facts` holds what explains the action, never a secret or personal data.

    Raises: RuntimeError outside a transaction, since the row could then outlive a failed write.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("audit.record needs the transaction of the write that it records")
    context = request_context.current()
    return AuditLog.objects.create(
        actor_id=actor_id,
        action=action,
        target_type=target._meta.label_lower if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        ip_address=context.ip,
        user_agent=context.user_agent,
        facts=facts or {},
    )


def raise_security_event(
    *,
    event_type: str,
    description: str,
    user_id: int | None = None,
    severity: str = SecurityEvent.Severity.MEDIUM,
    metadata: dict[str, Any] | None = None,
) -> SecurityEvent:
    """Store a security event and tell its listeners (`hooks.security_event`), in the caller's transaction."""
    context = request_context.current()
    event = SecurityEvent.objects.create(
        event_type=event_type,
        user_id=user_id,
        ip_address=context.ip,
        user_agent=context.user_agent,
        severity=severity,
        description=description,
        metadata=metadata or {},
    )
    hooks.security_event(hooks.SecurityNotice(event.pk, event_type, str(severity), user_id, event.metadata))
    return event


def note_denial(denial: hooks.Denial) -> None:
    """Keep that somebody tried what they may not do. Never turns a 403 into something else: without the database the
    refusal stands, and a log line has to do."""
    try:
        raise_security_event(
            event_type="UNAUTHORIZED_ACCESS",
            user_id=denial.user_id,
            severity=SecurityEvent.Severity.LOW,
            description="Somebody signed in was refused what they may not do.",
            metadata={"method": denial.method, "path": denial.path[:200]},
        )
    except DatabaseError as fault:
        log.warning("denial.not_stored", fault=type(fault).__name__)


def resolve_security_event(*, actor: Principal, event_id: int) -> SecurityEvent:
    """Mark an event as dealt with. Repeating it changes nothing. Raises: NotFound. Locks: the event."""
    with unit_of_work():
        event = SecurityEvent.objects.select_for_update().filter(pk=event_id).first()
        if event is None:
            raise NotFound
        if not event.resolved:
            event.resolved, event.resolved_by, event.resolved_at = True, actor.id, datetime.now(UTC)
            event.save(update_fields=["resolved", "resolved_by", "resolved_at"])
            record(actor_id=actor.id, action="security_event.resolved", target=event)
    return event
