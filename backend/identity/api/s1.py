"""The S1 doors: `/api/users/…` (S1-R1 to S1-R4), with that system's shapes and statuses."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Message, Public, SignedRequest
from backend.identity.api import devices
from backend.identity.authentication import TokenAuthentication
from backend.identity.errors import BadCredentials, PasswordRefused, RegistrationRefused
from backend.identity.models import User
from backend.identity.services import accounts, signing_in

DOOR = "s1"


class SignIn(APIView):
    """Sign in with e-mail and password (S1-R1)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class SignInIn(serializers.Serializer[Any]):
        username = TextField(max_length=255, help_text="The e-mail address.")
        password = TextField(max_length=1024, trim_whitespace=False)
        otp = devices.OtpField()
        os = TextField(max_length=255, required=False, allow_blank=True, allow_null=True)

    class SignInOut(serializers.Serializer[Any]):
        refresh = serializers.CharField()
        access = serializers.CharField()
        id = serializers.IntegerField()
        _id = serializers.IntegerField()
        username = serializers.CharField()
        email = serializers.EmailField()
        is_staff = serializers.BooleanField()
        is_active = serializers.BooleanField()
        is_superuser = serializers.BooleanField()
        token = serializers.CharField(help_text="The access token again, under the name that older clients read.")

    @extend_schema(
        operation_id="s1_sign_in",
        tags=["identity"],
        request=SignInIn,
        responses={
            200: SignInOut,
            400: OpenApiResponse(description="A field is missing."),
            401: OpenApiResponse(Detail, description="Wrong or unknown credentials; `otp_required`, `otp_invalid`."),
            403: OpenApiResponse(Detail, description="The account is blocked."),
        },
    )
    def post(self, request: Request) -> Response:
        given = self.SignInIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        signed_in = signing_in.sign_in(
            identifier=asked["username"],
            password=asked["password"],
            door=DOOR,
            platform=asked.get("os") or "",
            device_token=devices.token_in(request),
            otp=asked["otp"],
        )
        response = Response(_session_body(signed_in))
        devices.remember(response, signed_in.device_token)
        return response


class Register(APIView):
    """Open an account (S1-R2). The username is the e-mail."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class RegisterIn(serializers.Serializer[Any]):
        first_name = TextField(max_length=150)
        last_name = TextField(max_length=150)
        email = TextField(max_length=255)
        password = TextField(max_length=1024, trim_whitespace=False)

    @extend_schema(
        operation_id="s1_register",
        tags=["identity"],
        request=RegisterIn,
        responses={202: Message, 400: OpenApiResponse(Detail, description="Taken or malformed e-mail, weak password.")},
    )
    def post(self, request: Request) -> Response:
        given = self.RegisterIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            accounts.register_user(
                # S1 lower-cases the whole address (E-S1-1).
                email=asked["email"].lower(),
                password=asked["password"],
                first_name=asked["first_name"],
                last_name=asked["last_name"],
            )
        except RegistrationRefused as fault:
            return Response({"detail": fault.detail, "code": fault.code}, status=status.HTTP_400_BAD_REQUEST)
        return Response({"message": "The account was created successfully."}, status=status.HTTP_202_ACCEPTED)


class SignOut(APIView):
    """End this session (S1-R3). GET is what the S1 app calls; POST does the same (K-18).

    By header only: a cookie would let any page sign its visitor out with an image.
    """

    authentication_classes = [TokenAuthentication]

    @extend_schema(operation_id="s1_sign_out_get", tags=["identity"], request=None, responses={200: Message})
    def get(self, request: SignedRequest) -> Response:
        accounts.sign_out(actor=request.user)
        return Response({"message": "Signed out."})

    @extend_schema(operation_id="s1_sign_out", tags=["identity"], request=None, responses={200: Message})
    def post(self, request: SignedRequest) -> Response:
        return self.get(request)


class ChangePassword(APIView):
    """Set a new password (S1-R4). Every session of the person ends; sign in again."""

    class ChangePasswordIn(serializers.Serializer[Any]):
        current_password = TextField(max_length=1024, trim_whitespace=False)
        new_password = TextField(max_length=1024, trim_whitespace=False)

    @extend_schema(
        operation_id="s1_change_password",
        tags=["identity"],
        request=ChangePasswordIn,
        responses={200: Message, 400: OpenApiResponse(Detail, description="The current password is wrong.")},
    )
    def put(self, request: SignedRequest) -> Response:
        given = self.ChangePasswordIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            accounts.change_password(actor=request.user, **given.validated_data)
        except (BadCredentials, PasswordRefused) as fault:
            return Response({"detail": fault.detail, "code": fault.code}, status=status.HTTP_400_BAD_REQUEST)
        return Response({"message": "The password was changed. Sign in again."})


def _session_body(signed_in: signing_in.SignedIn) -> dict[str, Any]:
    user: User = signed_in.user
    return {
        "refresh": signed_in.tokens.refresh,
        "access": signed_in.tokens.access,
        "id": user.pk,
        "_id": user.pk,
        "username": user.username,
        "email": user.email,
        "is_staff": user.is_staff,
        "is_active": user.is_active,
        "is_superuser": user.is_superuser,
        "token": signed_in.tokens.access,
    }
