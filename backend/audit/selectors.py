"""Reading the trail."""

from datetime import datetime

from django.db.models import QuerySet

from backend.audit.models import SecurityEvent


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
