"""Documents of one's own: sent as one form, listed (S2-R7, S2-R8)."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common import uploads
from backend.common.pagination import page_of
from backend.common.shapes import Detail, SignedRequest
from backend.identity import limits
from backend.kyc.api.fields import one_of
from backend.kyc.errors import DocumentRefused, UploadNotAllowed
from backend.kyc.models import Document
from backend.kyc.services import documents

KIND = "document"


class DocumentIn(serializers.Serializer[Any]):
    document_type = serializers.ChoiceField(Document.Type.choices)
    document_number = serializers.CharField(max_length=100)


class DocumentForm(DocumentIn):
    document_file = serializers.FileField(help_text="A PDF, JPG, JPEG or PNG of at most 10 MB.")


class DocumentOut(serializers.ModelSerializer[Document]):
    file_size = serializers.IntegerField(source="file.size")
    file_hash = serializers.CharField(source="file.sha256")

    class Meta:
        model = Document
        fields = [
            *("id", "document_type", "document_number", "upload_date", "verification_status"),
            *("validation_score", "rejection_reason", "file_size", "file_hash"),
        ]
        read_only_fields = fields


class SentDocumentOut(DocumentOut):
    message = serializers.SerializerMethodField()

    class Meta(DocumentOut.Meta):
        fields = [*DocumentOut.Meta.fields, "message"]
        read_only_fields = fields

    def get_message(self, document: Document) -> str:
        return "The document was received and will be looked at."


class SendDocument(APIView):
    """Send a document as one multipart form. Over a bad network, `/api/kyc/uploads/` resumes."""

    parser_classes = (MultiPartParser,)  # for the schema: the form is read by `uploads`, not by `request.data`

    @extend_schema(
        operation_id="send_document",
        tags=["kyc"],
        request={"multipart/form-data": DocumentForm},
        responses={
            201: SentDocumentOut,
            400: OpenApiResponse(description="Faults by field, or `non_field_errors` for the state of the case."),
            403: Detail,
            413: OpenApiResponse(Detail, description="Larger than 10 MB."),
            503: OpenApiResponse(Detail, description="Too many uploads at once; see Retry-After."),
        },
    )
    def post(self, request: SignedRequest) -> Response:
        limits.share_for_person("upload", request.user.id)
        try:
            documents.require_open(actor=request.user)
            with uploads.receive(request, kind=KIND, size_max=documents.SIZE_MAX, field="document_file") as upload:
                given = DocumentIn(data=upload.fields)
                given.is_valid(raise_exception=True)
                document = documents.send_document(
                    actor=request.user,
                    document_type=given.validated_data["document_type"],
                    document_number=given.validated_data["document_number"].strip(),
                    file_name=upload.name,
                    file=upload.file,
                )
        except DocumentRefused as fault:
            raise ValidationError({fault.field: [fault.detail]}) from fault
        except UploadNotAllowed as fault:
            raise ValidationError({"non_field_errors": [fault.detail]}) from fault
        return Response(SentDocumentOut(document).data, status=status.HTTP_201_CREATED)


class Documents(APIView):
    """The caller's documents, newest first (S2-R8)."""

    @extend_schema(
        operation_id="list_own_documents",
        tags=["kyc"],
        parameters=[
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
            OpenApiParameter("document_type", str, enum=Document.Type.values),
            OpenApiParameter("status", str, enum=Document.Status.values),
        ],
        responses={200: DocumentOut(many=True)},
    )
    def get(self, request: SignedRequest) -> Response:
        found = documents.list_own(
            actor=request.user,
            document_type=one_of(request, "document_type", Document.Type.values),
            status=one_of(request, "status", Document.Status.values),
        )
        return Response(page_of(found, request, lambda rows: list(DocumentOut(rows, many=True).data)))
