"""Writing the trail. Both functions write in the caller's transaction: no write without its row, no row without it."""

from typing import Any

from django.db import models, transaction

from backend.audit.models import AuditLog, SecurityEvent
from backend.common import hooks, request_context


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
