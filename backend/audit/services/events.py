"""Security events: what staff should look at. Raising one writes in the caller's transaction."""

from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import DatabaseError

from backend.audit.models import SecurityEvent
from backend.audit.services.recording import record
from backend.common import hooks, request_context
from backend.common.errors import NotFound
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)


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
