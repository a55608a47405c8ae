"""tus 1.0 at `/api/kyc/uploads/`: creation (with upload), expiration, termination, checksum (https://tus.io)."""

import base64
import binascii
import io
import uuid
from typing import Any

from django.utils.http import http_date
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.shapes import Detail, SignedRequest
from backend.kyc.errors import ChecksumMismatch, DocumentRefused
from backend.kyc.models import Document, Upload
from backend.kyc.services import documents, uploads
from backend.kyc.services.uploads import Checksum

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
ALGORITHMS = ("sha1", "sha256")
OFFSET_TYPE = "application/offset+octet-stream"
RESUMABLE = {"Tus-Resumable": VERSION}


class OffsetParser(BaseParser):
    """Leaves the body where it is: the view reads it while it arrives."""

    media_type = OFFSET_TYPE

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return stream


class OtherVersion(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = f"This server speaks tus {VERSION}."
    default_code = "tus_version"


class UploadOut(serializers.ModelSerializer[Upload]):
    refused = serializers.JSONField(source="refusal", help_text="Why it was refused, by field; else empty.")

    class Meta:
        model = Upload
        fields = [
            *("id", "document_type", "document_number", "file_name", "length", "offset"),
            *("state", "refused", "document", "created_at", "expires_at"),
        ]
        read_only_fields = fields


class TusView(APIView):
    """What all answers have in common: the version, and refusals that a tus client can tell apart."""

    parser_classes = [OffsetParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        speaks = request.headers.get("Tus-Resumable")
        if request.method not in ("GET", "OPTIONS") and speaks != VERSION:
            raise OtherVersion

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = VERSION
        if response.status_code == status.HTTP_412_PRECONDITION_FAILED:
            response["Tus-Version"] = VERSION
        return response


class Uploads(TusView):
    @extend_schema(
        operation_id="open_upload",
        tags=["kyc"],
        parameters=[
            OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True),
            OpenApiParameter(
                "Upload-Metadata",
                str,
                OpenApiParameter.HEADER,
                required=True,
                description="tus metadata: `filename`, `document_type`, `document_number`, each in base64.",
            ),
        ],
        request={OFFSET_TYPE: bytes},
        responses={
            201: OpenApiResponse(description="Made; `Location` is where to send the bytes."),
            400: OpenApiResponse(description="Faults by field."),
            403: Detail,
            412: Detail,
        },
    )
    def post(self, request: SignedRequest) -> Response:
        metadata = _metadata(request)
        upload = _refusals_by_field(
            uploads.open_upload,
            actor=request.user,
            length=_count(request, "Upload-Length"),
            document_type=_document_type(metadata.get("document_type", "")),
            document_number=metadata.get("document_number", "").strip(),
            file_name=metadata.get("filename", ""),
        )
        if request.content_type == OFFSET_TYPE:  # creation-with-upload
            upload = _append(request, upload.pk, offset=0)
        headers = {"Location": request.build_absolute_uri(f"/api/kyc/uploads/{upload.pk}/"), **_state_of(upload)}
        return Response(status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(
        operation_id="describe_uploads",
        tags=["kyc"],
        request=None,
        responses={204: OpenApiResponse(description="What this server speaks, in `Tus-…` headers.")},
    )
    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(documents.SIZE_MAX),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)


class OneUpload(TusView):
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="get_upload", tags=["kyc"], responses={200: UploadOut, 404: Detail})
    def get(self, request: SignedRequest, upload_id: uuid.UUID) -> Response:
        """The upload's progress, and what became of it."""
        return Response(UploadOut(uploads.get_upload(actor=request.user, upload_id=upload_id)).data)

    def head(self, request: SignedRequest, upload_id: uuid.UUID) -> Response:
        upload = uploads.get_upload(actor=request.user, upload_id=upload_id)
        headers = {**_state_of(upload), "Upload-Length": str(upload.length), "Cache-Control": "no-store"}
        return Response(status=status.HTTP_200_OK, headers=headers)

    @extend_schema(
        operation_id="append_to_upload",
        tags=["kyc"],
        parameters=[
            OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True),
            OpenApiParameter("Upload-Checksum", str, OpenApiParameter.HEADER, description="sha256 or sha1, in base64."),
        ],
        request={OFFSET_TYPE: bytes},
        responses={
            204: OpenApiResponse(description="Stored up to `Upload-Offset`."),
            400: OpenApiResponse(description="The document was refused, by field."),
            404: Detail,
            409: OpenApiResponse(Detail, description="The upload stands at another offset."),
            460: OpenApiResponse(Detail, description="The checksum does not match; nothing of this part was kept."),
        },
    )
    def patch(self, request: SignedRequest, upload_id: uuid.UUID) -> Response:
        upload = _append(request, upload_id, offset=_count(request, "Upload-Offset"))
        return Response(status=status.HTTP_204_NO_CONTENT, headers=_state_of(upload))

    @extend_schema(operation_id="terminate_upload", tags=["kyc"], responses={204: None, 404: Detail})
    def delete(self, request: SignedRequest, upload_id: uuid.UUID) -> Response:
        uploads.terminate(actor=request.user, upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class WrongChecksum(APIException):
    status_code = 460
    default_detail = ChecksumMismatch.detail
    default_code = ChecksumMismatch.code


def _append(request: Request, upload_id: uuid.UUID, *, offset: int) -> Upload:
    try:
        return _refusals_by_field(
            uploads.append,
            actor=request.user,
            upload_id=upload_id,
            offset=offset,
            # DRF makes an empty body an empty dictionary.
            body=request.data or io.BytesIO(),
            checksum=_checksum(request),
        )
    except ChecksumMismatch:
        raise WrongChecksum from None


def _refusals_by_field(service: Any, **arguments: Any) -> Upload:
    try:
        found: Upload = service(**arguments)
    except DocumentRefused as fault:
        raise ValidationError({fault.field: [fault.detail]}) from fault
    return found


def _state_of(upload: Upload) -> dict[str, str]:
    headers = {"Upload-Offset": str(upload.offset), "Upload-Expires": http_date(upload.expires_at.timestamp())}
    return {**headers, "Document-Id": str(upload.document_id)} if upload.document_id else headers


def _count(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ParseError(f"{header} must be a whole number.")
    return int(text)


def _document_type(text: str) -> str:
    if text not in Document.Type.values:
        raise ValidationError({"document_type": [f"One of {', '.join(Document.Type.values)}."]})
    return text


def _metadata(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in request.headers.get("Upload-Metadata", "").split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ParseError("Upload-Metadata: each value is base64 of UTF-8 text.") from None
    return found


def _checksum(request: Request) -> Checksum | None:
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in ALGORITHMS:
        raise ParseError(f"Upload-Checksum: {' or '.join(ALGORITHMS)}.")
    try:
        return Checksum(algorithm, base64.b64decode(value, validate=True))
    except binascii.Error:
        raise ParseError("Upload-Checksum: the digest is base64.") from None
