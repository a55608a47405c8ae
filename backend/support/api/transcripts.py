"""A chat to keep or to print."""

import uuid
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from backend.common.shapes import Detail, SignedRequest
from backend.support.services import transcripts
from backend.support.zones import zone_of


class BySaying(BaseContentNegotiation):
    """The form is what `?format=` says, whatever a browser accepts; faults are JSON."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class TranscriptOut(serializers.Serializer[Any]):
    class LineOut(serializers.Serializer[Any]):
        type = serializers.ChoiceField(choices=["message", "chat", "note"])
        seq = serializers.IntegerField(help_text="For a note its `desk_seq`.")
        timestamp = serializers.DateTimeField()
        local_time = serializers.DateTimeField(allow_null=True, help_text="In the time zone asked for.")
        user = serializers.CharField()
        user_id = serializers.IntegerField(allow_null=True)
        role = serializers.CharField(allow_blank=True)
        message = serializers.CharField(allow_blank=True, help_text="What happened in words, for `chat` lines.")
        attachments = serializers.ListField(child=serializers.CharField(), help_text="Their names.")
        edited_at = serializers.DateTimeField(allow_null=True)
        withdrawn = serializers.BooleanField(help_text="Taken back: then it has no text and no attachments.")

    chat_id = serializers.UUIDField()
    customer = serializers.CharField()
    agent = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    exported_at = serializers.DateTimeField()
    time_zone = serializers.CharField(allow_null=True)
    lines = LineOut(many=True)


class _Asked(serializers.Serializer[Any]):
    format = serializers.ChoiceField(choices=["json", "pdf"], default="json")
    tz = serializers.CharField(default=None)
    notes = serializers.BooleanField(default=False)

    def validate_tz(self, value: str | None) -> ZoneInfo | None:
        return zone_of(value) if value else None


class ChatTranscript(APIView):
    """Everything that was said in a chat and happened to it, as JSON or as a PDF. The export is audited."""

    content_negotiation_class = BySaying

    @extend_schema(
        operation_id="export_transcript",
        tags=["support"],
        parameters=[
            OpenApiParameter("format", str, enum=["json", "pdf"], description="Default: json."),
            OpenApiParameter("tz", str, description="An IANA time zone, whose times stand beside those in UTC."),
            OpenApiParameter("notes", bool, description="With the internal notes; for who answers in the chat."),
        ],
        responses={
            (200, "application/json"): TranscriptOut,
            (200, "application/pdf"): OpenApiTypes.BINARY,
            422: OpenApiResponse(Detail, description="Too long for a PDF."),
            403: Detail,
            404: Detail,
        },
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> HttpResponseBase:
        asked = _Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        form, zone = asked.validated_data["format"], asked.validated_data["tz"]
        transcript = transcripts.export_transcript(
            actor=request.user, chat_id=chat_id, form=form, notes=asked.validated_data["notes"], zone=zone
        )
        name = f"chat-{chat_id}.{form}"
        if form == "pdf":
            drawn = transcripts.as_pdf(transcript)
            return FileResponse(drawn, as_attachment=True, filename=name, content_type="application/pdf")
        answer = StreamingHttpResponse(transcripts.as_json(transcript), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer
