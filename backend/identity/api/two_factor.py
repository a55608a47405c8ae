"""The second factor and step-up tokens: `/api/auth/2fa/…`, `/api/auth/step-up/` (S2-B36, design.md section 3)."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Message, SignedRequest
from backend.identity.api import devices
from backend.identity.pictures import qr_svg
from backend.identity.services import step_up, two_factor

TAGS = ["two-factor"]
REFUSED = {
    422: OpenApiResponse(
        Detail, description="`otp_required`, `otp_invalid`, `password_required` or `bad_credentials`."
    ),
    423: OpenApiResponse(Detail, description="Locked after five failures, for 30 minutes."),
}
NO_STEP_UP = {403: OpenApiResponse(Detail, description="`step_up_required`: no fresh token for exactly this act.")}


class CodesOut(serializers.Serializer[Any]):
    recovery_codes = serializers.ListField(child=serializers.CharField(), help_text="Shown this once.")


class OtpIn(serializers.Serializer[Any]):
    otp = TextField(max_length=64, help_text="The app's six digits, or a recovery code.")


class StepUpTokenIn(serializers.Serializer[Any]):
    step_up_token = TextField(max_length=1024, required=False, allow_blank=True, default="")


class TwoFactor(APIView):
    class TwoFactorOut(serializers.Serializer[Any]):
        enabled = serializers.BooleanField()
        confirmed_at = serializers.DateTimeField(allow_null=True)
        recovery_codes_left = serializers.IntegerField()

    @extend_schema(operation_id="get_two_factor", tags=TAGS, responses={200: TwoFactorOut})
    def get(self, request: SignedRequest) -> Response:
        """Whether the caller's second factor is on."""
        return Response(self.TwoFactorOut(two_factor.get_status(actor=request.user)).data)


class Enrol(APIView):
    class EnrolIn(serializers.Serializer[Any]):
        password = TextField(max_length=1024, trim_whitespace=False)

    class EnrolOut(serializers.Serializer[Any]):
        secret = serializers.CharField(help_text="For typing into an app, in base 32.")
        otpauth_uri = serializers.CharField()
        qr_svg = serializers.CharField(help_text="The address as a picture, an SVG document.")

    @extend_schema(
        operation_id="enrol_two_factor",
        tags=TAGS,
        request=EnrolIn,
        responses={201: EnrolOut, 409: Detail, **REFUSED},
    )
    def post(self, request: SignedRequest) -> Response:
        """Get a secret for an authenticator app. It counts once it is confirmed; nothing changes before."""
        given = self.EnrolIn(data=request.data)
        given.is_valid(raise_exception=True)
        made = two_factor.enrol(
            actor=request.user, password=given.validated_data["password"], device_token=devices.token_in(request)
        )
        body = {"secret": made.secret, "otpauth_uri": made.otpauth_uri, "qr_svg": qr_svg(made.otpauth_uri)}
        return Response(body, status=status.HTTP_201_CREATED)


class Confirm(APIView):
    @extend_schema(
        operation_id="confirm_two_factor", tags=TAGS, request=OtpIn, responses={200: CodesOut, 409: Detail, **REFUSED}
    )
    def post(self, request: SignedRequest) -> Response:
        """Switch the second factor on with the app's first code, and get the recovery codes."""
        given = OtpIn(data=request.data)
        given.is_valid(raise_exception=True)
        codes = two_factor.confirm(
            actor=request.user, otp=given.validated_data["otp"], device_token=devices.token_in(request)
        )
        return Response({"recovery_codes": codes})


class Verify(APIView):
    @extend_schema(
        operation_id="verify_two_factor", tags=TAGS, request=OtpIn, responses={200: Message, 409: Detail, **REFUSED}
    )
    def post(self, request: SignedRequest) -> Response:
        """Check that the app works. The code is used up."""
        given = OtpIn(data=request.data)
        given.is_valid(raise_exception=True)
        two_factor.verify(actor=request.user, otp=given.validated_data["otp"], device_token=devices.token_in(request))
        return Response({"message": "The code is valid."})


class Disable(APIView):
    @extend_schema(
        operation_id="disable_two_factor",
        tags=TAGS,
        request=StepUpTokenIn,
        responses={200: Message, 409: Detail, **NO_STEP_UP},
    )
    def post(self, request: SignedRequest) -> Response:
        """Switch the second factor off. Takes a step-up token for `two_factor.disable`, without parameters."""
        given = StepUpTokenIn(data=request.data)
        given.is_valid(raise_exception=True)
        two_factor.disable(actor=request.user, step_up_token=given.validated_data["step_up_token"])
        return Response({"message": "The second factor is off."})


class RecoveryCodes(APIView):
    @extend_schema(
        operation_id="renew_recovery_codes",
        tags=TAGS,
        request=StepUpTokenIn,
        responses={200: CodesOut, 409: Detail, **NO_STEP_UP},
    )
    def post(self, request: SignedRequest) -> Response:
        """Get new recovery codes. Takes a step-up token for `two_factor.renew_recovery_codes`, without parameters."""
        given = StepUpTokenIn(data=request.data)
        given.is_valid(raise_exception=True)
        codes = two_factor.renew_recovery_codes(actor=request.user, step_up_token=given.validated_data["step_up_token"])
        return Response({"recovery_codes": codes})


class StepUp(APIView):
    class StepUpIn(serializers.Serializer[Any]):
        action = TextField(max_length=64)
        parameters = serializers.DictField(required=False, default=dict)
        otp = devices.OtpField()
        password = TextField(
            max_length=1024,
            trim_whitespace=False,
            required=False,
            allow_blank=True,
            default="",
            help_text="Of whoever has no second factor.",
        )

    class StepUpOut(serializers.Serializer[Any]):
        token = serializers.CharField()
        expires_in = serializers.IntegerField(help_text="Seconds.")

    @extend_schema(
        operation_id="issue_step_up_token", tags=TAGS, request=StepUpIn, responses={201: StepUpOut, **REFUSED}
    )
    def post(self, request: SignedRequest) -> Response:
        """Prove who one is, for one act with exactly these parameters, and get the token that the act takes."""
        given = self.StepUpIn(data=request.data)
        given.is_valid(raise_exception=True)
        token = step_up.issue(actor=request.user, device_token=devices.token_in(request), **given.validated_data)
        return Response({"token": token, "expires_in": settings.STEP_UP_SECONDS}, status=status.HTTP_201_CREATED)
