"""The caller's own sessions, tickets for sockets, and forgotten passwords."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_api_key.models import APIKey

from backend.common.rendering import TextField
from backend.common.shapes import Detail, Message, Public, SignedRequest
from backend.identity.errors import PasswordRefused
from backend.identity.models import Session
from backend.identity.permissions import api_key, scopes_of
from backend.identity.services import passwords, sessions, tickets


class SessionOut(serializers.ModelSerializer[Session]):
    is_current = serializers.SerializerMethodField()

    class Meta:
        model = Session
        fields = ["id", "name", "door", "platform", "ip_address", "created_at", "seen_at", "expires_at", "is_current"]
        read_only_fields = fields

    def get_is_current(self, session: Session) -> bool:
        return str(session.pk) == self.context["sid"]


class Sessions(APIView):
    """The devices one is signed in on."""

    @extend_schema(operation_id="list_sessions", tags=["identity"], responses={200: SessionOut(many=True)})
    def get(self, request: SignedRequest) -> Response:
        found = sessions.list_sessions(actor=request.user)
        return Response(SessionOut(found, many=True, context={"sid": request.user.sid}).data)

    @extend_schema(operation_id="revoke_other_sessions", tags=["identity"], responses={200: Message})
    def delete(self, request: SignedRequest) -> Response:
        """Sign all other devices out."""
        count = sessions.revoke_other_sessions(actor=request.user)
        return Response({"message": f"{count} other session{'' if count == 1 else 's'} ended."})


class OneSession(APIView):
    class SessionIn(serializers.Serializer[Any]):
        name = TextField(max_length=100, allow_blank=True)

    @extend_schema(
        operation_id="rename_session", tags=["identity"], request=SessionIn, responses={200: SessionOut, 404: Detail}
    )
    def patch(self, request: SignedRequest, session_id: UUID) -> Response:
        """Give a device a name."""
        given = self.SessionIn(data=request.data)
        given.is_valid(raise_exception=True)
        session = sessions.rename_session(actor=request.user, session_id=session_id, name=given.validated_data["name"])
        return Response(SessionOut(session, context={"sid": request.user.sid}).data)

    @extend_schema(operation_id="revoke_session", tags=["identity"], responses={204: None, 404: Detail})
    def delete(self, request: SignedRequest, session_id: UUID) -> Response:
        """Sign a device out: its tokens and sockets end within a second."""
        sessions.revoke_session(actor=request.user, session_id=session_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SocketTicket(APIView):
    """A credential that opens one WebSocket within 30 s, as `?ticket=`."""

    class TicketOut(serializers.Serializer[Any]):
        ticket = serializers.CharField()
        expires_in = serializers.IntegerField(help_text="Seconds.")

    @extend_schema(operation_id="issue_socket_ticket", tags=["identity"], request=None, responses={201: TicketOut})
    def post(self, request: SignedRequest) -> Response:
        ticket = tickets.issue_ticket(actor=request.user)
        body = {"ticket": ticket, "expires_in": int(tickets.GOOD_FOR.total_seconds())}
        return Response(body, status=status.HTTP_201_CREATED)


class ForgotPassword(APIView):
    """Have a link mailed. The answer is the same whether the account exists or not."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class ForgotIn(serializers.Serializer[Any]):
        email = TextField(max_length=255)

    @extend_schema(operation_id="forgot_password", tags=["identity"], request=ForgotIn, responses={202: Message})
    def post(self, request: Request) -> Response:
        given = self.ForgotIn(data=request.data)
        given.is_valid(raise_exception=True)
        passwords.request_reset(email=given.validated_data["email"])
        text = "If there is an account with this address, a link to set a new password is on its way."
        return Response({"message": text}, status=status.HTTP_202_ACCEPTED)


class ResetPassword(APIView):
    """Set a new password with a mailed link. Every session of the person ends."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    class ResetIn(serializers.Serializer[Any]):
        token = TextField(max_length=200)
        new_password = TextField(max_length=1024, trim_whitespace=False)

    @extend_schema(
        operation_id="reset_password",
        tags=["identity"],
        request=ResetIn,
        responses={
            200: Message,
            400: OpenApiResponse(Detail),
            422: OpenApiResponse(Detail, description="Used or old."),
        },
    )
    def post(self, request: Request) -> Response:
        given = self.ResetIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        try:
            passwords.reset_password(secret=asked["token"], new_password=asked["new_password"])
        except PasswordRefused as fault:
            raise serializers.ValidationError({"new_password": [fault.detail]}) from None
        return Response({"message": "The password was set. Sign in."})


class OwnKey(APIView):
    """What a partner's API key is and may do: for checking that it works."""

    authentication_classes = Public
    permission_classes = [api_key("partner")]

    class KeyOut(serializers.ModelSerializer[APIKey]):
        scopes = serializers.SerializerMethodField()

        def get_scopes(self, key: APIKey) -> list[str]:
            return scopes_of(key)

        class Meta:
            model = APIKey
            fields = ["name", "prefix", "scopes", "created", "expiry_date"]
            read_only_fields = fields

    @extend_schema(operation_id="get_own_key", tags=["partner"], responses={200: KeyOut, 403: Detail})
    def get(self, request: Request) -> Response:
        key: Any = request.auth
        return Response(self.KeyOut(key).data)
