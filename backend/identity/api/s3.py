"""The S3 doors: `/api/user/…` (S3-R1 to S3-R5), also without the trailing slash."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Public, SignedRequest
from backend.identity import selectors
from backend.identity.api import devices
from backend.identity.errors import AccountBlocked, BadCredentials, PasswordRefused, RegistrationRefused
from backend.identity.services import accounts, erasures, profiles, signing_in

DOOR = "s3"
STEP_UP_HEADER = "X-Step-Up-Token"


class PersonIn(serializers.Serializer[Any]):
    email = TextField(max_length=255)
    password = TextField(max_length=1024, trim_whitespace=False, write_only=True)
    name = TextField(max_length=255)


class PersonOut(serializers.Serializer[Any]):
    email = serializers.EmailField()
    name = serializers.CharField()


class Register(APIView):
    """Open an account (S3-R1). At least 8 characters (K-10)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    @extend_schema(operation_id="s3_register", tags=["identity"], request=PersonIn, responses={201: PersonOut})
    def post(self, request: Request) -> Response:
        given = PersonIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            user = accounts.register_user(**given.validated_data)
        except RegistrationRefused as fault:
            raise serializers.ValidationError({fault.field: [fault.detail]}) from None
        return Response({"email": user.email, "name": user.get_full_name()}, status=status.HTTP_201_CREATED)


class Token(APIView):
    """Sign in for a token of 40 hexadecimal characters, a new one each time (S3-R2)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class S3SignInIn(serializers.Serializer[Any]):
        email = TextField(max_length=255)
        password = TextField(max_length=1024, trim_whitespace=False)
        otp = devices.OtpField()

    class S3TokenOut(serializers.Serializer[Any]):
        token = serializers.CharField()

    @extend_schema(
        operation_id="s3_sign_in",
        tags=["identity"],
        request=S3SignInIn,
        responses={
            200: S3TokenOut,
            400: OpenApiResponse(description="Wrong or unknown credentials."),
            401: devices.CODE_NEEDED,
        },
    )
    def post(self, request: Request) -> Response:
        given = self.S3SignInIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            signed_in = signing_in.sign_in(
                identifier=asked["email"],
                password=asked["password"],
                door=DOOR,
                device_token=devices.token_in(request),
                otp=asked["otp"],
            )
        except (BadCredentials, AccountBlocked) as fault:
            raise serializers.ValidationError({"non_field_errors": [fault.detail]}) from None
        response = Response({"token": signed_in.tokens.opaque})
        devices.remember(response, signed_in.device_token)
        return response


class Me(APIView):
    """Oneself (S3-R3, S3-R4)."""

    @extend_schema(operation_id="s3_get_me", tags=["identity"], responses={200: PersonOut})
    def get(self, request: SignedRequest) -> Response:
        user = selectors.get_self(actor=request.user)
        return Response({"name": user.get_full_name(), "email": user.email})

    @extend_schema(operation_id="s3_replace_me", tags=["identity"], request=PersonIn, responses={200: PersonOut})
    def put(self, request: SignedRequest) -> Response:
        return self._update(request, partial=False)

    @extend_schema(operation_id="s3_update_me", tags=["identity"], request=PersonIn, responses={200: PersonOut})
    def patch(self, request: SignedRequest) -> Response:
        return self._update(request, partial=True)

    @extend_schema(
        operation_id="erase_me",
        tags=["identity"],
        parameters=[OpenApiParameter(STEP_UP_HEADER, str, OpenApiParameter.HEADER)],
        responses={
            204: None,
            403: OpenApiResponse(Detail, description="`step_up_required`: of whoever has a second factor."),
            409: OpenApiResponse(Detail, description="`erasure.blocked`, with `reasons` to settle first."),
            422: OpenApiResponse(Detail, description="The last superuser stays."),
        },
    )
    def delete(self, request: SignedRequest) -> Response:
        """Erase oneself: who one was goes, that something happened stays. Cannot be undone.

        Whoever has a second factor sends a step-up token for `person.erase`, without parameters.
        """
        erasures.erase_self(actor=request.user, step_up_token=request.headers.get(STEP_UP_HEADER, ""))
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _update(self, request: SignedRequest, *, partial: bool) -> Response:
        given = PersonIn(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        try:
            user = profiles.update_profile(actor=request.user, changes=given.validated_data)
        except (RegistrationRefused, PasswordRefused) as fault:
            raise serializers.ValidationError({fault.field: [fault.detail]}) from None
        return Response({"email": user.email, "name": user.get_full_name()})
