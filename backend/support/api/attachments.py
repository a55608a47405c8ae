"""Files in chats over REST: uploaded here, carried by messages, fetched here."""

import uuid
from typing import Any

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common import uploads, vault
from backend.common.content import ContentRefused
from backend.common.shapes import Detail, SignedRequest
from backend.identity import limits
from backend.support import selectors
from backend.support.services import attachments

MB = 1024 * 1024


class Attachments(APIView):
    """Upload a file that a message of the caller's is to carry."""

    parser_classes = (MultiPartParser,)  # for the schema: the form is read by `uploads`, not by `request.data`

    class UploadIn(serializers.Serializer[Any]):
        file = serializers.FileField(
            help_text=f"A PNG, JPEG, GIF, WebP or PDF of at most {attachments.SIZE_MAX // MB} MB."
        )

    class AttachmentOut(serializers.Serializer[Any]):
        id = serializers.UUIDField()
        name = serializers.CharField(help_text="The file's name, made safe.")
        content_type = serializers.CharField()
        size = serializers.IntegerField()
        sha256 = serializers.CharField()
        width = serializers.IntegerField(required=False, help_text="Of pictures.")
        height = serializers.IntegerField(required=False)

    @extend_schema(
        operation_id="upload_attachment",
        tags=["support"],
        request={"multipart/form-data": UploadIn},
        responses={
            201: AttachmentOut,
            400: OpenApiResponse(description="Not a whole form, or not a file of these kinds, by its content."),
            404: Detail,
            409: OpenApiResponse(Detail, description="The chat is closed, or too many files wait to be sent."),
            413: OpenApiResponse(Detail, description="The file is too large."),
            415: Detail,
            503: OpenApiResponse(
                Detail, description="Too many uploads at once, or the storage is away; see Retry-After."
            ),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        limits.share_for_person("upload", request.user.id)
        attachments.require_room(actor=request.user, chat_id=chat_id)
        with uploads.receive(request, kind=attachments.KIND, size_max=attachments.SIZE_MAX) as upload:
            try:
                stored = attachments.store_attachment(
                    actor=request.user, chat_id=chat_id, name=upload.name, file=upload.file
                )
            except ContentRefused as fault:
                raise ValidationError({"file": [fault.detail]}) from None
        return Response({**attachments.shown(stored), "sha256": stored.file.sha256}, status=status.HTTP_201_CREATED)


class AttachmentFile(APIView):
    """The file itself, for the members of its chat; one that no message carries yet, for its uploader."""

    @extend_schema(
        operation_id="fetch_attachment",
        tags=["support"],
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            404: OpenApiResponse(Detail, description="Not there, not the caller's, withdrawn, or erased."),
        },
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID, attachment_id: uuid.UUID) -> HttpResponseBase:
        found = selectors.get_attachment(actor=request.user, chat_id=chat_id, attachment_id=attachment_id)
        return StreamingHttpResponse(
            vault.portions(found.file),
            content_type=found.content_type,
            headers={
                "Content-Length": str(found.file.size),
                "Content-Disposition": content_disposition_header(True, found.name) or "attachment",
                "Cache-Control": "private, no-store",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "sandbox; default-src 'none'",
            },
        )
