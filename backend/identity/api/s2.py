"""The S2 doors: `/api/auth/…` and `/api/profile/` (S2-R2 to S2-R6)."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Message, Public, SignedRequest
from backend.identity import selectors
from backend.identity.api import devices
from backend.identity.errors import AccountBlocked, AccountLocked, BadCredentials, PasswordRefused
from backend.identity.models import User
from backend.identity.services import accounts, factors, profiles, signing_in

DOOR = "s2"


class SignIn(APIView):
    """Sign in with username or e-mail (S2-R2)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class S2SignInIn(serializers.Serializer[Any]):
        username = TextField(max_length=255)
        password = TextField(max_length=1024, trim_whitespace=False)
        otp = devices.OtpField()

    class S2SignInOut(serializers.Serializer[Any]):
        access = serializers.CharField()
        refresh = serializers.CharField()
        user = serializers.DictField()

    @extend_schema(
        operation_id="s2_sign_in",
        tags=["identity"],
        request=S2SignInIn,
        responses={
            200: S2SignInOut,
            400: OpenApiResponse(Detail, description="Wrong or unknown credentials."),
            401: devices.CODE_NEEDED,
            403: OpenApiResponse(Detail, description="Blocked by an administrator."),
            423: OpenApiResponse(Detail, description="Locked after five failures, for 30 minutes."),
        },
    )
    def post(self, request: Request) -> Response:
        given = self.S2SignInIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            signed_in = signing_in.sign_in(
                identifier=asked["username"],
                password=asked["password"],
                door=DOOR,
                device_token=devices.token_in(request),
                otp=asked["otp"],
            )
        except AccountLocked:
            return Response({"detail": "Locked after too many failures.", "code": "locked"}, status=423)
        except AccountBlocked:
            raise
        except BadCredentials as fault:
            refusal = {"detail": fault.detail, "code": fault.code, "non_field_errors": [fault.detail]}
            return Response(refusal, status=400)
        user = signed_in.user
        body = {"access": signed_in.tokens.access, "refresh": signed_in.tokens.refresh, "user": _user_body(user)}
        response = Response(body)
        devices.remember(response, signed_in.device_token)
        return response


class SignOut(APIView):
    """End this session (K-18)."""

    @extend_schema(operation_id="s2_sign_out", tags=["identity"], request=None, responses={200: Message})
    def post(self, request: SignedRequest) -> Response:
        accounts.sign_out(actor=request.user)
        return Response({"message": "Signed out."})


class Profile(APIView):
    """The caller's own profile (S2-R4, S2-R5)."""

    class ProfileIn(serializers.Serializer[Any]):
        first_name = TextField(max_length=150, required=False)
        last_name = TextField(max_length=150, required=False)
        phone_number = TextField(max_length=15, required=False)

    class ProfileOut(serializers.ModelSerializer[User]):
        two_factor_enabled = serializers.SerializerMethodField()
        roles = serializers.SerializerMethodField()

        class Meta:
            model = User
            fields = [
                *("id", "username", "email", "first_name", "last_name", "phone_number", "customer_id", "kyc_status"),
                *("risk_profile", "is_account_verified", "two_factor_enabled", "roles", "date_joined", "last_login"),
            ]
            read_only_fields = fields

        def get_two_factor_enabled(self, user: User) -> bool:
            return factors.is_enrolled(user.pk)

        def get_roles(self, user: User) -> list[dict[str, Any]]:
            return [
                {"id": role.pk, "name": role.name, "description": role.description} for role in selectors.roles_of(user)
            ]

    @extend_schema(operation_id="get_profile", tags=["identity"], responses={200: ProfileOut})
    def get(self, request: SignedRequest) -> Response:
        return Response(self.ProfileOut(selectors.get_self(actor=request.user)).data)

    @extend_schema(operation_id="update_profile", tags=["identity"], request=ProfileIn, responses={200: ProfileIn})
    def put(self, request: SignedRequest) -> Response:
        given = self.ProfileIn(data=request.data)
        given.is_valid(raise_exception=True)
        user = profiles.update_profile(actor=request.user, changes=given.validated_data)
        return Response({name: getattr(user, name) for name in ("first_name", "last_name", "phone_number")})


class ChangePassword(APIView):
    """Set a new password (S2-R6). Every session of the person ends."""

    class S2ChangePasswordIn(serializers.Serializer[Any]):
        old_password = TextField(max_length=1024, trim_whitespace=False)
        new_password = TextField(max_length=1024, trim_whitespace=False)
        confirm_password = TextField(max_length=1024, trim_whitespace=False)

    @extend_schema(
        operation_id="s2_change_password", tags=["identity"], request=S2ChangePasswordIn, responses={200: Message}
    )
    def post(self, request: SignedRequest) -> Response:
        given = self.S2ChangePasswordIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        if asked["new_password"] != asked["confirm_password"]:
            raise serializers.ValidationError({"confirm_password": ["The two new passwords differ."]})
        try:
            accounts.check_s2_password(asked["new_password"], field="new_password")
            accounts.change_password(
                actor=request.user, current_password=asked["old_password"], new_password=asked["new_password"]
            )
        except BadCredentials as fault:
            raise serializers.ValidationError({"old_password": [fault.detail]}) from None
        except PasswordRefused as fault:
            raise serializers.ValidationError({"new_password": [fault.detail]}) from None
        return Response({"message": "The password was changed. Sign in again."})


def _user_body(user: User) -> dict[str, Any]:
    names = ("id", "username", "email", "customer_id", "kyc_status", "risk_profile")
    return {**{name: getattr(user, name) for name in names}, "roles": [r.name for r in selectors.roles_of(user)]}
