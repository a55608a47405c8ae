"""Drafts: `/api/kyc/draft/` of whoever is signed in, `/api/auth/register/draft/` before there is an account."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Public, SignedRequest
from backend.kyc.services import drafts

TOKEN = OpenApiParameter("X-Draft-Token", str, OpenApiParameter.HEADER, description="What opening the draft returned.")


class DraftValues(serializers.Serializer[Any]):
    """What may be kept of an unfinished form, as it was typed. No password, and no SSN."""

    username = TextField(max_length=150, required=False, allow_blank=True)
    email = TextField(max_length=255, required=False, allow_blank=True)
    first_name = TextField(max_length=150, required=False, allow_blank=True)
    last_name = TextField(max_length=150, required=False, allow_blank=True)
    phone_number = TextField(max_length=25, required=False, allow_blank=True)
    date_of_birth = TextField(max_length=10, required=False, allow_blank=True)
    address = TextField(max_length=500, required=False, allow_blank=True)


class DraftIn(serializers.Serializer[Any]):
    step = TextField(max_length=40, help_text="Where the person is, in the client's own words.")
    values = DraftValues()
    version = serializers.IntegerField(required=False, min_value=1, help_text="The version that was read before.")


class DraftOut(serializers.Serializer[Any]):
    step = serializers.CharField()
    values = DraftValues()
    version = serializers.IntegerField()
    updated_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class NewDraftOut(DraftOut):
    token = serializers.CharField(help_text="Shown once. Send it as X-Draft-Token, on any device.")


class OwnDraft(APIView):
    """The draft of the caller's banking profile."""

    @extend_schema(operation_id="get_kyc_draft", tags=["kyc"], responses={200: DraftOut, 404: Detail})
    def get(self, request: SignedRequest) -> Response:
        return Response(DraftOut(drafts.read_draft(actor=request.user)).data)

    @extend_schema(operation_id="save_kyc_draft", tags=["kyc"], request=DraftIn, responses={200: DraftOut, 409: Detail})
    def put(self, request: SignedRequest) -> Response:
        return Response(DraftOut(drafts.save_draft(actor=request.user, **_asked(request))).data)

    @extend_schema(operation_id="discard_kyc_draft", tags=["kyc"], responses={204: None})
    def delete(self, request: SignedRequest) -> Response:
        drafts.discard_draft(actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RegistrationDraft(APIView):
    """A registration as far as it has come. Whoever holds its token may go on with it."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    @extend_schema(operation_id="open_registration_draft", tags=["kyc"], request=DraftIn, responses={201: NewDraftOut})
    def post(self, request: Request) -> Response:
        saved = drafts.save_draft(actor=None, **_asked(request))
        return Response(NewDraftOut(saved).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="get_registration_draft", tags=["kyc"], parameters=[TOKEN], responses={200: DraftOut, 404: Detail}
    )
    def get(self, request: Request) -> Response:
        return Response(DraftOut(drafts.read_draft(actor=None, token=_token(request))).data)

    @extend_schema(
        operation_id="save_registration_draft",
        tags=["kyc"],
        parameters=[TOKEN],
        request=DraftIn,
        responses={200: DraftOut, 404: Detail, 409: Detail},
    )
    def put(self, request: Request) -> Response:
        return Response(DraftOut(drafts.save_draft(actor=None, token=_token(request), **_asked(request))).data)

    @extend_schema(operation_id="discard_registration_draft", tags=["kyc"], parameters=[TOKEN], responses={204: None})
    def delete(self, request: Request) -> Response:
        drafts.discard_draft(actor=None, token=_token(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _asked(request: Request) -> dict[str, Any]:
    given = DraftIn(data=request.data)
    given.is_valid(raise_exception=True)
    return {"version": None, **given.validated_data}


def _token(request: Request) -> str:
    """An empty token is nobody's: it must not be taken for a wish to open a new draft."""
    return request.headers.get("X-Draft-Token") or "none"
