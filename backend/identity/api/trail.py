"""The audit trail for those who look after it: bank admins and auditors read, nobody writes (S2-R11, S2-R15, K-24).

Flags open nothing here, not even a superuser's. Looking at personal values, and taking the whole trail out, are
recorded themselves.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.audit import selectors
from backend.audit.actions import describe
from backend.audit.exporting import export_lines
from backend.audit.models import AuditLog
from backend.audit.services import looking
from backend.common.pagination import page_of
from backend.common.principal import AUDITOR, BANK_ADMIN
from backend.common.shapes import Detail, SignedRequest
from backend.identity.api.security import moment_of
from backend.identity.models import User
from backend.identity.permissions import roles

PAGE = 20


class AuditPersonOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    username = serializers.CharField()
    customer_id = serializers.CharField()


class AuditRowOut(serializers.Serializer[Any]):
    log_id = serializers.UUIDField()
    action_type = serializers.CharField(help_text="S2's word: CREATE, UPDATE, LOGIN, …; empty where it has none.")
    action = serializers.CharField()
    user = AuditPersonOut(
        allow_null=True, help_text="Who did it; null for the system, for keys, and for deleted accounts."
    )
    user_id = serializers.IntegerField(allow_null=True)
    subject_id = serializers.IntegerField(allow_null=True, help_text="Whom it is about.")
    target_model = serializers.CharField()
    target_id = serializers.CharField()
    description = serializers.CharField()
    ip_address = serializers.CharField(allow_null=True)
    user_agent = serializers.CharField()
    timestamp = serializers.DateTimeField()


class AuditRowDetailOut(AuditRowOut):
    facts = serializers.DictField()
    values = serializers.ChoiceField(
        ["none", "shown", "erased", "hidden"], help_text="What of personal values there is: hidden to bank admins."
    )
    old_values = serializers.DictField(allow_null=True)
    new_values = serializers.DictField(allow_null=True)
    digest = serializers.CharField()
    seal = serializers.IntegerField(allow_null=True, help_text="The place in the chain; null for a second or two.")


class AuditPageOut(serializers.Serializer[Any]):
    count = serializers.IntegerField(allow_null=True, help_text="Null with `cursor`.")
    count_estimated = serializers.BooleanField(required=False)
    next = serializers.IntegerField(allow_null=True)
    previous = serializers.IntegerField(allow_null=True)
    total_pages = serializers.IntegerField(allow_null=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="For `cursor`: what comes after this page.")
    results = AuditRowOut(many=True)


def _documented(operation_id: str) -> Any:
    return extend_schema(
        operation_id=operation_id,
        tags=["audit"],
        parameters=[
            OpenApiParameter("action_type", str, description="S2's word, such as LOGIN or ROLE_ASSIGN."),
            OpenApiParameter("action", str, description="`user.changed`, or `user` for all that begin so."),
            OpenApiParameter("user_id", int, description="Who did it."),
            OpenApiParameter("subject_id", int, description="Whom it is about."),
            OpenApiParameter("target_model", str, description="`identity.user`, or `user`."),
            OpenApiParameter("target_id", str),
            OpenApiParameter("start_date", str, description="YYYY-MM-DD, or a full ISO 8601 moment."),
            OpenApiParameter("end_date", str, description="The last day that counts, or the moment before which."),
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
            OpenApiParameter("cursor", str, description="Empty for the newest; then `next_cursor`. Never gets slower."),
        ],
        responses={200: AuditPageOut, 400: Detail, 403: Detail},
    )


class AuditLogs(APIView):
    """The trail, newest first (S2-R11)."""

    permission_classes = [roles(BANK_ADMIN, AUDITOR)]

    @_documented("list_audit_logs")
    def get(self, request: SignedRequest) -> Response:
        """List what was done, newest first."""
        return Response(_page(request))


class AuditLogsAdmin(APIView):
    """The same under S2's address for administrators (S2-R15)."""

    permission_classes = [roles(BANK_ADMIN, AUDITOR)]

    @_documented("list_audit_logs_as_admin")
    def get(self, request: SignedRequest) -> Response:
        """List what was done, newest first."""
        return Response(_page(request))


class OneAuditLog(APIView):
    """One row, with what its seal and its digest are."""

    permission_classes = [roles(BANK_ADMIN, AUDITOR)]

    @extend_schema(
        operation_id="get_audit_log", tags=["audit"], responses={200: AuditRowDetailOut, 403: Detail, 404: Detail}
    )
    def get(self, request: SignedRequest, entry_id: UUID) -> Response:
        """Show one row; to auditors with personal values, which is recorded."""
        seen = looking.look(actor=request.user, log_id=entry_id, wants_values=request.user.has_role(AUDITOR))
        (shown,) = _shown([seen.row])
        values = seen.values or {}
        return Response(
            {
                **shown,
                "facts": seen.row.facts,
                "values": seen.state,
                "old_values": values.get("old"),
                "new_values": values.get("new"),
                "digest": seen.row.digest.hex(),
                "seal": seen.seal,
            }
        )


class AuditExport(APIView):
    """Everything that is sealed, in a form that proves itself (backend/docs/trust.md)."""

    permission_classes = [roles(AUDITOR)]

    @extend_schema(
        operation_id="export_audit_logs",
        tags=["audit"],
        responses={
            (200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.BINARY, description="One JSON object a line."),
            403: Detail,
        },
    )
    def get(self, request: SignedRequest) -> StreamingHttpResponse:
        """Stream the trail and its checkpoints as lines of JSON, without personal values. Recorded."""
        looking.note_export(actor=request.user)
        answer = StreamingHttpResponse(export_lines(values=False), content_type="application/x-ndjson")
        answer["Content-Disposition"] = 'attachment; filename="audit.ndjson"'
        return answer


def _page(request: SignedRequest) -> dict[str, Any]:
    asked = request.query_params
    rows = selectors.list_rows(
        action_type=_word(asked.get("action_type", "")).upper(),
        action=_word(asked.get("action", "")).lower(),
        user_id=_whole(request, "user_id"),
        subject_id=_whole(request, "subject_id"),
        target=(_word(asked.get("target_model", "")).lower(), _word(asked.get("target_id", ""))),
        since=moment_of(request, "start_date"),
        until=moment_of(request, "end_date", ends_day=True),
    )
    if "cursor" in asked:
        return _page_by_cursor(request, rows)
    page = page_of(rows, request, list, size=PAGE)
    found = page["results"]
    next_cursor = str(found[-1].pk) if page["next"] is not None else None
    return {**page, "next_cursor": next_cursor, "results": _shown(found)}


def _page_by_cursor(request: SignedRequest, rows: Any) -> dict[str, Any]:
    text = request.query_params["cursor"]
    if text:
        if not (text.isascii() and text.isdigit() and len(text) < 19):
            raise serializers.ValidationError({"cursor": ["Use what `next_cursor` said."]})
        rows = rows.filter(pk__lt=int(text))
    size = min(max(_whole(request, "page_size") or PAGE, 1), 100)
    found = list(rows[: size + 1])
    return {
        "count": None,
        "next": None,
        "previous": None,
        "total_pages": None,
        "next_cursor": str(found[size - 1].pk) if len(found) > size else None,
        "results": _shown(found[:size]),
    }


def _shown(rows: Sequence[AuditLog]) -> list[dict[str, Any]]:
    ids = {row.actor_id for row in rows if row.actor_id is not None}
    people = User.objects.filter(pk__in=ids).only("username", "customer_id").in_bulk()
    return [
        {
            "log_id": str(row.log_id),
            "action_type": row.action_type,
            "action": row.action,
            "user": _person(people.get(row.actor_id)) if row.actor_id is not None else None,
            "user_id": row.actor_id,
            "subject_id": row.subject_id,
            "target_model": row.target_type,
            "target_id": row.target_id,
            "description": describe(row.action, row.target_type, row.target_id, row.facts.get("fields")),
            "ip_address": row.ip_address,
            "user_agent": row.user_agent,
            "timestamp": row.at,
        }
        for row in rows
    ]


def _person(user: User | None) -> dict[str, Any] | None:
    return {"id": user.pk, "username": user.username, "customer_id": user.customer_id} if user else None


def _word(text: str) -> str:
    return text.replace("\x00", "?")[:64]  # PostgreSQL takes no NUL; no word of ours is longer.


def _whole(request: SignedRequest, name: str) -> int | None:
    text = request.query_params.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise serializers.ValidationError({name: ["A whole number."]})
    return int(text)
