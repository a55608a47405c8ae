"""People's rights: `/api/profile/export/…` and `/api/profile/notices/…` (E-COMP-3, E-COMP-4, docs/privacy.md)."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.pagination import page_of
from backend.common.shapes import Detail, SignedRequest
from backend.identity.models import PersonExport, RuleNotice
from backend.identity.services import exports, rules

TAGS = ["privacy"]
STATES = ["NONE", *PersonExport.State.values]


class ExportOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(choices=STATES)
    asked_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="Bytes of the archive.")
    download = serializers.CharField(allow_null=True, help_text="Where it can be fetched, once.")


class Export(APIView):
    @extend_schema(operation_id="get_export", tags=TAGS, responses={200: ExportOut})
    def get(self, request: SignedRequest) -> Response:
        """How far the newest archive of everything about oneself is; `NONE` where none was asked for."""
        return Response(_state_of(exports.find_latest(actor=request.user)))

    @extend_schema(
        operation_id="request_export",
        tags=TAGS,
        request=None,
        responses={202: ExportOut, 409: Detail, 429: OpenApiResponse(Detail, description="Five a day.")},
    )
    def post(self, request: SignedRequest) -> Response:
        """Have an archive of everything about oneself made. One at a time; a mail says that it was asked for."""
        exports.request_export(actor=request.user)
        found = exports.find_latest(actor=request.user)
        return Response(_state_of(found), status=status.HTTP_202_ACCEPTED)


class ExportDownload(APIView):
    @extend_schema(
        operation_id="download_export",
        tags=TAGS,
        responses={(200, "application/zip"): OpenApiTypes.BINARY, 404: Detail},
    )
    def get(self, request: SignedRequest, export_id: UUID) -> HttpResponseBase:
        """Fetch the archive, a zip file. Once: afterwards it is destroyed, and another one can be asked for."""
        portions, size = exports.fetch_export(actor=request.user, export_id=export_id)
        headers = {
            "Content-Disposition": 'attachment; filename="ease-export.zip"',
            "Content-Length": str(size),
            "Cache-Control": "no-store",
        }
        return StreamingHttpResponse(portions, content_type="application/zip", headers=headers)


class RuleNoticeOut(serializers.ModelSerializer[RuleNotice]):
    rule = serializers.CharField(source="change.key")
    version = serializers.IntegerField(source="change.version")
    title = serializers.CharField(source="change.title")
    text = serializers.CharField(source="change.text")
    effective_on = serializers.DateField(source="change.effective_on")

    class Meta:
        model = RuleNotice
        fields = ["id", "rule", "version", "title", "text", "effective_on", "told_at", "acknowledged_at"]
        read_only_fields = fields


class Notices(APIView):
    class RuleNoticePage(serializers.Serializer[Any]):
        count = serializers.IntegerField()
        next = serializers.IntegerField(allow_null=True)
        previous = serializers.IntegerField(allow_null=True)
        total_pages = serializers.IntegerField()
        results = RuleNoticeOut(many=True)

    @extend_schema(
        operation_id="list_rule_notices",
        tags=TAGS,
        parameters=[OpenApiParameter("page", int), OpenApiParameter("page_size", int)],
        responses={200: RuleNoticePage},
    )
    def get(self, request: SignedRequest) -> Response:
        """Which changes of rules one was told of, newest first."""
        found = rules.list_notices(actor=request.user)
        return Response(page_of(found, request, lambda rows: list(RuleNoticeOut(rows, many=True).data)))


class AcknowledgeNotice(APIView):
    @extend_schema(
        operation_id="acknowledge_rule_notice", tags=TAGS, request=None, responses={200: RuleNoticeOut, 404: Detail}
    )
    def post(self, request: SignedRequest, rule_notice_id: int) -> Response:
        """Say that one has read it."""
        return Response(RuleNoticeOut(rules.acknowledge(actor=request.user, notice_id=rule_notice_id)).data)


def _state_of(export: PersonExport | None) -> dict[str, Any]:
    if export is None:
        return {**dict.fromkeys(ExportOut().fields), "state": "NONE"}
    is_ready = export.state == PersonExport.State.READY
    return {
        "id": export.pk,
        "state": export.state,
        "asked_at": export.asked_at,
        "finished_at": export.finished_at,
        "expires_at": export.expires_at if is_ready else None,
        "size": export.file.size if is_ready and export.file is not None else None,
        "download": f"/api/profile/export/{export.pk}/download/" if is_ready else None,
    }
