"""Reading the trail."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from backend.audit.models import (
    AuditCheckpoint,
    AuditDetail,
    AuditLog,
    AuditPatrol,
    AuditPending,
    AuditSeal,
    SecurityEvent,
)
from backend.common import hooks
from backend.common.errors import NotFound


def list_rows(
    *,
    action_type: str = "",
    action: str = "",
    user_id: int | None = None,
    subject_id: int | None = None,
    target: tuple[str, str] = ("", ""),
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditLog]:
    """The trail, newest first, narrowed by what is given. `target` is a model and an id; either may be empty.

    `action` may be the first part of the vocabulary: `user` finds `user.changed` and all others of users.
    """
    rows = AuditLog.objects.order_by("-id")
    if action_type:
        rows = rows.filter(action_type=action_type)
    if action:
        rows = rows.filter(Q(action=action) if "." in action else Q(action__startswith=f"{action}."))
    if user_id is not None:
        rows = rows.filter(actor_id=user_id)
    if subject_id is not None:
        rows = rows.filter(subject_id=subject_id)
    model, number = target
    if model:
        rows = rows.filter(target_type=model) if "." in model else rows.filter(target_type__endswith=f".{model}")
    if number:
        rows = rows.filter(target_id=number)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    return rows


def get_row(log_id: UUID) -> AuditLog:
    """Return one row. Raises: NotFound."""
    row = AuditLog.objects.filter(log_id=log_id).first()
    if row is None:
        raise NotFound
    return row


def find_values(row: AuditLog) -> AuditDetail | None:
    """Return the row's personal values; None where it has none, or none any more."""
    return AuditDetail.objects.filter(pk=row.pk).first()


def find_seal(row: AuditLog) -> AuditSeal | None:
    return AuditSeal.objects.filter(row_id=row.pk).first()


def seal_state() -> dict[str, Any]:
    """Return how far the chain reaches, what waits for its seal, and how far the patrol is. Five queries."""
    last, checkpoint = AuditSeal.objects.order_by("-seq").first(), AuditCheckpoint.objects.order_by("-number").first()
    patrol = AuditPatrol.objects.first()
    return {
        "seq": last.seq if last else 0,
        "waiting": AuditPending.objects.count(),
        "checkpoint": checkpoint,
        "patrol": patrol,
        "broken": SecurityEvent.objects.filter(
            event_type="DATA_CORRUPTION", metadata__has_key="finding", resolved=False
        ).count(),
    }


def export_trail(export: hooks.Export) -> None:
    """Add what the trail holds about a person to their export: what they did, and what was done about them."""
    export.add("audit/trail.json", _trail_of(export.user_id))


def _trail_of(user_id: int) -> Iterator[dict[str, Any]]:
    values = dict(AuditDetail.objects.filter(subject_id=user_id).values_list("row_id", "values"))
    rows = AuditLog.objects.filter(Q(actor_id=user_id) | Q(subject_id=user_id)).order_by("id")
    for row in rows.iterator(chunk_size=1000):
        own = row.actor_id == user_id
        yield {
            "log_id": str(row.log_id),
            "at": row.at.isoformat(),
            "action": row.action,
            "by_you": own,
            "target": f"{row.target_type} {row.target_id}".strip(),
            "ip_address": row.ip_address if own else None,
            "user_agent": row.user_agent if own else "",
            "values": values.get(row.pk),
        }


def export_security_events(export: hooks.Export) -> None:
    """Add the security events that concern a person to their export."""
    fields = ("event_type", "severity", "description", "ip_address", "user_agent", "created_at", "resolved")
    rows = SecurityEvent.objects.filter(user_id=export.user_id).order_by("id").values(*fields)
    export.add("audit/security_events.json", rows.iterator(chunk_size=1000))


def list_security_events(
    *,
    severity: str = "",
    event_type: str = "",
    resolved: bool | None = None,
    since: datetime | None = None,
) -> QuerySet[SecurityEvent]:
    """Security events, newest first, filtered by what is given."""
    events = SecurityEvent.objects.all()
    if severity:
        events = events.filter(severity=severity)
    if event_type:
        events = events.filter(event_type=event_type)
    if resolved is not None:
        events = events.filter(resolved=resolved)
    if since is not None:
        events = events.filter(created_at__gte=since)
    return events
