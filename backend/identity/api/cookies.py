"""The S0 doors: `/api/register/`, `/api/login/`, … with tokens in HttpOnly cookies (S0-R1 to S0-R5)."""

from typing import Any

from django.middleware.csrf import get_token, rotate_token
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Message, Public, SignedRequest
from backend.identity import browsers, tokens
from backend.identity.api import devices
from backend.identity.authentication import ACCESS_COOKIE, REFRESH_COOKIE, CookieAuthentication, check_csrf
from backend.identity.errors import AccountBlocked, BadCredentials, RegistrationRefused, TokenRefused
from backend.identity.services import accounts, sessions, signing_in
from backend.identity.services.sessions import TokenPair

DOOR = "s0"
CSRF_HEADER = "X-CSRFToken"


class Register(APIView):
    """Open an account (S0-R1)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class S0RegisterIn(serializers.Serializer[Any]):
        email = TextField(max_length=255)
        username = TextField(max_length=150)
        first_name = TextField(max_length=150, required=False, allow_blank=True)
        last_name = TextField(max_length=150, required=False, allow_blank=True)
        phone_number = TextField(max_length=15, required=False, allow_blank=True)
        password = TextField(max_length=1024, trim_whitespace=False, write_only=True)

    class S0RegisterOut(serializers.Serializer[Any]):
        status = serializers.CharField()
        message = serializers.CharField()

    @extend_schema(operation_id="s0_register", tags=["identity"], request=S0RegisterIn, responses={201: S0RegisterOut})
    def post(self, request: Request) -> Response:
        given = self.S0RegisterIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            accounts.register_user(**given.validated_data)
        except RegistrationRefused as fault:
            raise serializers.ValidationError({fault.field: [fault.detail]}) from None
        text = "Account is registered"
        return Response({"status": text, "message": text}, status=status.HTTP_201_CREATED)


class SignIn(APIView):
    """Sign in; the tokens come as cookies and never in the body (S0-R2, E-S0-1)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class S0SignInIn(serializers.Serializer[Any]):
        email = TextField(max_length=255)
        password = TextField(max_length=1024, trim_whitespace=False)
        otp = devices.OtpField()

    @extend_schema(
        operation_id="s0_sign_in",
        tags=["identity"],
        request=S0SignInIn,
        responses={
            200: Message,
            400: OpenApiResponse(description="Wrong or unknown credentials."),
            401: devices.CODE_NEEDED,
        },
    )
    def post(self, request: Request) -> Response:
        given = self.S0SignInIn(data=request.data)
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
        rotate_token(request._request)
        response = Response({"message": "Login successfully"})
        _set_cookies(request, response, signed_in.tokens)
        devices.remember(response, signed_in.device_token)
        return response


class SignOut(APIView):
    """End the session that the cookies belong to, expired or not, and delete them (S0-R3, BUG-S0-10)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="s0_sign_out",
        tags=["identity"],
        request=None,
        responses={200: Message, 400: OpenApiResponse(Detail, description="No cookie of a session.")},
    )
    def post(self, request: Request) -> Response:
        claims = browsers.session_of(request._request)
        if claims is None:
            response = Response({"detail": "Invalid token", "code": "token_not_valid"}, status=400)
            # A foreign page's post comes without cookies (SameSite); it must not delete those that the browser has.
            if {ACCESS_COOKIE, REFRESH_COOKIE} & request.COOKIES.keys():
                delete_cookies(response)
            return response
        check_csrf(request)
        sessions.end_session(user_id=claims.user_id, sid=claims.sid, reason="sign_out")
        response = Response({"message": "Logout successfully"})
        delete_cookies(response)
        return response


class Refresh(APIView):
    """Exchange the refresh cookie for new cookies (S0-R4)."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="s0_refresh", tags=["identity"], request=None, responses={200: Message, 400: Detail, 401: Detail}
    )
    def post(self, request: Request) -> Response:
        raw = request.COOKIES.get(REFRESH_COOKIE)
        if not raw:
            return Response({"detail": "The refresh cookie is missing.", "code": "token_missing"}, status=400)
        check_csrf(request)
        try:
            pair = sessions.refresh_session(refresh_token=raw)
        except TokenRefused as fault:
            response = Response({"detail": fault.detail, "code": fault.code}, status=401)
            delete_cookies(response)  # E-AUTH-4: what is worthless does not stay.
            return response
        response = Response({"message": "Refresh tokens successfully"})
        _set_cookies(request, response, pair)
        return response


class Status(APIView):
    """Whether both cookies are good (S0-R5, E-S0-4)."""

    authentication_classes = [CookieAuthentication]

    @extend_schema(operation_id="s0_auth_status", tags=["identity"], request=None, responses={200: None, 400: Detail})
    def post(self, request: SignedRequest) -> Response:
        try:
            claims = tokens.read_refresh(request.COOKIES.get(REFRESH_COOKIE, ""))
        except TokenRefused as fault:
            return Response({"detail": fault.detail, "code": fault.code}, status=400)
        if claims.sid != request.user.sid or not sessions.is_newest(claims):
            return Response({"detail": TokenRefused.detail, "code": TokenRefused.code}, status=400)
        return Response({"status": "Authenticated"})


def delete_cookies(response: Response) -> None:
    browsers.take_tokens(response)
    response[CSRF_HEADER] = ""


def _set_cookies(request: Request, response: Response, pair: TokenPair) -> None:
    browsers.give_tokens(response, pair)
    get_token(request._request)
    response[CSRF_HEADER] = request.META["CSRF_COOKIE"]  # The cookie's value, as S0-R4 says, and not a mask of it.
