"""What bank admins do: the queue, the decision, people and their documents (S2-R9, S2-R12 to S2-R14, S2-R18)."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.pagination import page_of
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.identity.models import User
from backend.kyc import selectors
from backend.kyc.api.fields import one_of
from backend.kyc.errors import NothingToReview, ReasonMissing
from backend.kyc.models import Case, Document
from backend.kyc.services import cases, viewing
from backend.notifications import services as notifications
from backend.notifications.services import inbox

REASON = OpenApiParameter("reason", str, required=True, description="Why it is looked at; 3 to 200 characters, kept.")
DECIDED = {
    400: OpenApiResponse(description="A field is missing, or there is no document to review."),
    403: Detail,
    404: Detail,
    409: OpenApiResponse(Detail, description="Already reviewed; `kyc_status` says what came of it."),
}


class CaseOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    user = serializers.DictField()
    opened_at = serializers.DateTimeField()
    assigned_to = serializers.IntegerField(allow_null=True)
    first_approved_by = serializers.IntegerField(allow_null=True)
    documents = serializers.ListField(child=serializers.DictField())


class Cases(APIView):
    """Open cases, the longest waiting first."""

    @extend_schema(
        operation_id="list_cases",
        tags=["kyc review"],
        parameters=[
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
            OpenApiParameter("assigned", str, enum=["me", "nobody", "all"]),
            OpenApiParameter("risk_profile", str, enum=User.RiskProfile.values),
            OpenApiParameter("document_type", str, enum=Document.Type.values),
        ],
        responses={200: CaseOut(many=True), 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        found = selectors.list_cases(
            actor=request.user,
            assigned=one_of(request, "assigned", ["me", "nobody", "all"]),
            risk=one_of(request, "risk_profile", User.RiskProfile.values),
            document_type=one_of(request, "document_type", Document.Type.values),
        )
        return Response(page_of(found, request, _case_bodies))


class ClaimCase(APIView):
    """Take a case; giving it back is DELETE. Deciding claims by itself."""

    @extend_schema(
        operation_id="claim_case", tags=["kyc review"], request=None, responses={200: CaseOut, 404: Detail, 409: Detail}
    )
    def post(self, request: SignedRequest, person_id: int) -> Response:
        return Response(_case_bodies([cases.claim_case(actor=request.user, user_id=person_id)])[0])

    @extend_schema(operation_id="release_case", tags=["kyc review"], responses={204: None, 404: Detail, 409: Detail})
    def delete(self, request: SignedRequest, person_id: int) -> Response:
        cases.release_case(actor=request.user, user_id=person_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReviewIn(serializers.Serializer[Any]):
    action = serializers.ChoiceField(["approve", "reject", "request_more", "REQUEST_MORE"])
    rejection_reason = TextField(max_length=1000, required=False, allow_blank=True)
    required_documents = serializers.ListField(
        child=serializers.ChoiceField(Document.Type.choices), required=False, max_length=6
    )


class ReviewOut(serializers.Serializer[Any]):
    message = serializers.CharField()
    user = serializers.DictField()


class Review(APIView):
    """Approve a person, reject them, or ask for documents again (S2-R14)."""

    @extend_schema(
        operation_id="review_person", tags=["kyc review"], request=ReviewIn, responses={200: ReviewOut, **DECIDED}
    )
    def post(self, request: SignedRequest, person_id: int) -> Response:
        given = ReviewIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        user, words = _carried_out(request, person_id, asked["action"].lower(), asked)
        shown = {"id": user.pk, "username": user.username, "kyc_status": user.kyc_status}
        return Response({"message": words, "user": shown})


class PersonStatusIn(serializers.Serializer[Any]):
    kyc_status = serializers.ChoiceField(["PENDING", "APPROVED", "REJECTED"])
    rejection_reason = TextField(max_length=1000, required=False, allow_blank=True)


class ReviewedPersonOut(serializers.ModelSerializer[User]):
    created_at = serializers.DateTimeField(source="date_joined")

    class Meta:
        model = User
        fields = [
            *("id", "username", "email", "first_name", "last_name", "customer_id", "kyc_status", "risk_profile"),
            *("is_account_verified", "created_at", "last_login"),
        ]
        read_only_fields = fields


class PersonStatus(APIView):
    """The same decision under S2's documented address (S2-R9). PENDING changes nothing for whoever waits."""

    @extend_schema(
        operation_id="set_kyc_status",
        tags=["kyc review"],
        request=PersonStatusIn,
        responses={200: ReviewedPersonOut, **DECIDED},
    )
    def put(self, request: SignedRequest, person_id: int) -> Response:
        given = PersonStatusIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        action = {"APPROVED": "approve", "REJECTED": "reject", "PENDING": "claim"}[asked["kyc_status"]]
        user, _ = _carried_out(request, person_id, action, asked)
        return Response(_people([user])[0])


class People(APIView):
    """Everybody, with roles and the number of documents (S2-R12)."""

    @extend_schema(
        operation_id="list_people",
        tags=["kyc review"],
        parameters=[
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
            OpenApiParameter("kyc_status", str, enum=User.KycStatus.values),
            OpenApiParameter("risk_profile", str, enum=User.RiskProfile.values),
            OpenApiParameter("search", str, description="The beginning of a name, e-mail or customer id."),
        ],
        responses={200: ReviewedPersonOut(many=True), 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        found = selectors.list_people(
            actor=request.user,
            kyc_status=one_of(request, "kyc_status", User.KycStatus.values),
            risk=one_of(request, "risk_profile", User.RiskProfile.values),
            search=request.query_params.get("search", "").strip().replace("\x00", "")[:100],
        )
        return Response(page_of(found, request, _people))


class ReviewedDocumentOut(serializers.ModelSerializer[Document]):
    user = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = [
            *("id", "user", "document_type", "document_number", "upload_date", "verification_status"),
            *("validation_score", "rejection_reason", "ocr_text", "content_type"),
        ]
        read_only_fields = fields

    def get_user(self, document: Document) -> dict[str, Any]:
        return {name: getattr(document.user, name) for name in ("id", "username", "customer_id", "kyc_status")}


class ReviewedDocuments(APIView):
    """Everybody's documents (S2-R13)."""

    @extend_schema(
        operation_id="list_documents",
        tags=["kyc review"],
        parameters=[
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
            OpenApiParameter("verification_status", str, enum=Document.Status.values),
            OpenApiParameter("document_type", str, enum=Document.Type.values),
        ],
        responses={200: ReviewedDocumentOut(many=True), 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        found = selectors.list_documents(
            actor=request.user,
            status=one_of(request, "verification_status", Document.Status.values),
            document_type=one_of(request, "document_type", Document.Type.values),
        )
        return Response(page_of(found, request, lambda rows: list(ReviewedDocumentOut(rows, many=True).data)))


class DocumentContent(APIView):
    """The document itself, decrypted while it is sent. Each look is kept with its reason."""

    @extend_schema(
        operation_id="open_document",
        tags=["kyc review"],
        parameters=[REASON],
        responses={(200, "application/octet-stream"): bytes, 403: Detail, 404: Detail, 422: Detail},
    )
    def get(self, request: SignedRequest, document_id: int) -> StreamingHttpResponse:
        document, portions = viewing.open_document(
            actor=request.user, document_id=document_id, reason=request.query_params.get("reason", "")
        )
        name = f"{document.document_type.lower()}-{document.pk}.{document.content_type.rpartition('/')[2]}"
        headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(portions, content_type=document.content_type, headers=headers)


class DocumentPreview(APIView):
    """A picture, smaller, with the reviewer's address across it. Each look is kept with its reason."""

    @extend_schema(
        operation_id="preview_document",
        tags=["kyc review"],
        parameters=[REASON],
        responses={(200, "image/jpeg"): bytes, 403: Detail, 404: Detail, 422: Detail},
    )
    def get(self, request: SignedRequest, document_id: int) -> HttpResponse:
        picture = viewing.preview_document(
            actor=request.user, document_id=document_id, reason=request.query_params.get("reason", "")
        )
        return HttpResponse(picture, content_type="image/jpeg", headers=_PRIVATE)


_PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


def _carried_out(request: SignedRequest, person_id: int, action: str, asked: dict[str, Any]) -> tuple[User, str]:
    """Carry out a reviewer's action; what the contract answers with 400 is told by its field."""
    reason = asked.get("rejection_reason", "")
    try:
        if action == "approve":
            user = cases.approve(actor=request.user, user_id=person_id)
            waits = user.kyc_status == User.KycStatus.PENDING
            return user, "Approved; a second person must agree." if waits else "Approved."
        if action == "reject":
            return cases.reject(actor=request.user, user_id=person_id, reason=reason), "Rejected."
        if action == "claim":
            return cases.claim_case(actor=request.user, user_id=person_id).user, "Claimed."
        wanted: Sequence[str] = asked.get("required_documents", [])
        user = cases.request_documents(actor=request.user, user_id=person_id, document_types=wanted, reason=reason)
    except ReasonMissing as fault:
        raise ValidationError({"rejection_reason": [fault.detail]}) from fault
    except NothingToReview as fault:
        raise ValidationError({"detail": fault.detail, "code": fault.code}) from fault
    return user, "Documents were asked for again."


def _people(users: Sequence[User]) -> list[dict[str, Any]]:
    ids = [user.pk for user in users]
    roles, counts = selectors.roles_by_person(ids), selectors.documents_by_person(ids)
    return [
        {**ReviewedPersonOut(user).data, "roles": roles.get(user.pk, []), "kyc_documents_count": counts.get(user.pk, 0)}
        for user in users
    ]


def _case_bodies(found: Sequence[Case]) -> list[dict[str, Any]]:
    documents = selectors.waiting_documents([case.user_id for case in found])
    names = ("id", "username", "customer_id", "kyc_status", "risk_profile")
    return [
        {
            "id": case.pk,
            "user": {name: getattr(case.user, name) for name in names},
            "opened_at": case.opened_at,
            "assigned_to": case.assigned_to_id,
            "first_approved_by": case.first_approved_by_id,
            "documents": documents.get(case.user_id, []),
        }
        for case in found
    ]


class StatisticsOut(serializers.Serializer[Any]):
    total_users = serializers.IntegerField()
    pending_kyc = serializers.IntegerField()
    approved_kyc = serializers.IntegerField()
    rejected_kyc = serializers.IntegerField()
    recent_registrations = serializers.IntegerField(help_text="Of the last 24 hours.")
    recent_security_events = serializers.IntegerField(help_text="Of the last 24 hours.")
    unread_notifications = serializers.IntegerField()


class Statistics(APIView):
    """The desk's numbers (S2-R18)."""

    @extend_schema(operation_id="get_statistics", tags=["kyc review"], responses={200: StatisticsOut, 403: Detail})
    def get(self, request: SignedRequest) -> Response:
        numbers = selectors.statistics(actor=request.user)
        unread = inbox.unread_count(actor=request.user, topic=notifications.DESK_BANK_ADMIN)
        return Response({**numbers, "unread_notifications": unread})
