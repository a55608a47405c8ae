"""`POST /api/auth/register/` (S2-R1), with the draft that may come before it."""

from datetime import date
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Public
from backend.identity.errors import PasswordRefused, RegistrationRefused
from backend.identity.models import User
from backend.kyc import rules
from backend.kyc.api.fields import KycProfileIn, checked, person_of
from backend.kyc.services import registration
from backend.kyc.services.registration import Account


class RegistrationIn(KycProfileIn):
    username = TextField(max_length=150)
    email = serializers.EmailField(max_length=255)
    password = TextField(max_length=1024, trim_whitespace=False)
    confirm_password = TextField(max_length=1024, trim_whitespace=False)
    first_name = TextField(max_length=150)
    last_name = TextField(max_length=150)
    draft_token = TextField(max_length=100, required=False, help_text="The draft that this was, to be thrown away.")

    def validate_username(self, value: str) -> str:
        return checked(rules.checked_username, value)

    def validate_first_name(self, value: str) -> str:
        return checked(rules.checked_name, value)

    def validate_last_name(self, value: str) -> str:
        return checked(rules.checked_name, value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["password"] != attrs["confirm_password"]:
            raise serializers.ValidationError({"confirm_password": ["The two passwords differ."]})
        return attrs


class RegisteredOut(serializers.ModelSerializer[User]):
    created_at = serializers.DateTimeField(source="date_joined")

    class Meta:
        model = User
        fields = [
            *("id", "username", "email", "first_name", "last_name", "customer_id"),
            *("kyc_status", "risk_profile", "is_account_verified", "created_at"),
        ]
        read_only_fields = fields


class Register(APIView):
    """Open an account with its banking profile (S2-R1)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="s2_register",
        tags=["kyc"],
        request=RegistrationIn,
        responses={
            201: RegisteredOut,
            400: OpenApiResponse(description="Faults by field."),
            409: OpenApiResponse(
                Detail, description="E-mail, username or phone is taken (also by field), or it is in progress."
            ),
        },
    )
    def post(self, request: Request) -> Response:
        given = RegistrationIn(data=request.data)
        if not given.is_valid():
            born = _date_in(request.data)
            if born is not None:
                registration.note_impossible_birth_date(born=born)
            raise serializers.ValidationError(given.errors)
        asked = given.validated_data
        account = Account(
            username=asked["username"],
            email=asked["email"],
            password=asked["password"],
            first_name=asked["first_name"],
            last_name=asked["last_name"],
            phone_number=asked["phone_number"][:15],
        )
        try:
            user = registration.register_customer(
                account=account, person=person_of(asked), draft_token=asked.get("draft_token", "")
            )
        except (RegistrationRefused, PasswordRefused) as fault:
            raise serializers.ValidationError({fault.field: [fault.detail]}) from None
        return Response(RegisteredOut(user).data, status=status.HTTP_201_CREATED)


def _date_in(body: Any) -> date | None:
    """Return the birth date that a refused request gave, if it is a date at all."""
    try:
        return date.fromisoformat(body["date_of_birth"])
    except (KeyError, TypeError, ValueError):
        return None
