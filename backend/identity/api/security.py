"""Security events for bank admins and auditors: `/api/admin/security-events/` (S2-R16)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.audit import selectors
from backend.audit import services as audit
from backend.audit.models import SecurityEvent
from backend.common.pagination import page_of
from backend.common.principal import AUDITOR, BANK_ADMIN
from backend.common.shapes import Detail, SignedRequest
from backend.identity.permissions import roles


class SecurityEventOut(serializers.ModelSerializer[SecurityEvent]):
    user = serializers.IntegerField(source="user_id", allow_null=True)

    class Meta:
        model = SecurityEvent
        fields = [
            *("id", "event_type", "user", "severity", "description", "metadata", "resolved", "resolved_by"),
            *("resolved_at", "created_at"),
        ]
        read_only_fields = fields


class SecurityEvents(APIView):
    permission_classes = [roles(BANK_ADMIN, AUDITOR)]

    class SecurityEventPage(serializers.Serializer[Any]):
        count = serializers.IntegerField()
        next = serializers.IntegerField(allow_null=True)
        previous = serializers.IntegerField(allow_null=True)
        total_pages = serializers.IntegerField()
        results = SecurityEventOut(many=True)

    @extend_schema(
        operation_id="list_security_events",
        tags=["security"],
        parameters=[
            OpenApiParameter("severity", str, enum=SecurityEvent.Severity.values),
            OpenApiParameter("event_type", str),
            OpenApiParameter("resolved", str, enum=["true", "false"]),
            OpenApiParameter("start_date", str, description="YYYY-MM-DD, or a full ISO 8601 moment."),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
        ],
        responses={200: SecurityEventPage, 400: Detail, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        """List events, newest first."""
        asked = request.query_params
        severity = asked.get("severity", "").upper()
        if severity and severity not in SecurityEvent.Severity.values:
            raise serializers.ValidationError({"severity": [f"One of {', '.join(SecurityEvent.Severity.values)}."]})
        resolved = asked.get("resolved", "").lower()
        if resolved not in {"", "true", "false"}:
            raise serializers.ValidationError({"resolved": ["Say true or false."]})
        events = selectors.list_security_events(
            severity=severity,
            event_type=asked.get("event_type", "").upper().replace("\x00", "?"),  # No event's name holds either.
            resolved=resolved == "true" if resolved else None,
            since=moment_of(request, "start_date"),
        )
        return Response(page_of(events, request, lambda rows: list(SecurityEventOut(rows, many=True).data)))


class ResolveSecurityEvent(APIView):
    permission_classes = [roles(BANK_ADMIN)]

    @extend_schema(
        operation_id="resolve_security_event",
        tags=["security"],
        request=None,
        responses={200: SecurityEventOut, 403: Detail, 404: Detail},
    )
    def post(self, request: SignedRequest, event_id: int) -> Response:
        """Mark an event as dealt with."""
        event = audit.resolve_security_event(actor=request.user, event_id=event_id)
        return Response(SecurityEventOut(event).data)


def moment_of(request: SignedRequest, name: str, *, ends_day: bool = False) -> datetime | None:
    """Return the moment that a parameter names: a day's first, or its last with `ends_day`. Raises: ValidationError."""
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None or len(text) == len("2026-11-25") else None
        if day is not None:
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=ends_day)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise serializers.ValidationError({name: ["Write it as YYYY-MM-DD."]})
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
