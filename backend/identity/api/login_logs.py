"""The login log: `/api/users/loginLog/` (S1-R5 to S1-R9). Everybody reads their own; only superusers write by hand."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.identity import selectors
from backend.identity.models import LoginLog
from backend.identity.services import login_logs

# What a filter must look like: for `strptime`, and for people.
FORMS = {"date": ("%Y-%m-%d", "YYYY-MM-DD"), "time": ("%H:%M:%S", "HH:MM:SS")}


class LoginLogOut(serializers.ModelSerializer[LoginLog]):
    creation_date = serializers.SerializerMethodField()
    creation_time = serializers.SerializerMethodField()
    platform_OS = serializers.CharField(source="platform_os")

    class Meta:
        model = LoginLog
        fields = ["id", "user", "creation_date", "creation_time", "platform_OS", "successful", "description"]
        read_only_fields = fields

    def get_creation_date(self, log: LoginLog) -> date:
        return log.at.astimezone(UTC).date()

    def get_creation_time(self, log: LoginLog) -> str:
        return log.at.astimezone(UTC).strftime("%H:%M:%S")


class LoginLogIn(serializers.Serializer[Any]):
    user = serializers.IntegerField(required=False)
    creation_date = serializers.DateField()
    creation_time = serializers.TimeField()
    platform_OS = TextField(max_length=50)
    successful = serializers.BooleanField()
    description = TextField(max_length=50)


class LoginLogs(APIView):
    @extend_schema(
        operation_id="list_login_logs",
        tags=["identity"],
        parameters=[
            OpenApiParameter("start_date", str, description="YYYY-MM-DD"),
            OpenApiParameter("end_date", str, description="YYYY-MM-DD; today if only the start is given"),
            OpenApiParameter("start_time", str, description="HH:MM:SS, of every day"),
            OpenApiParameter("end_time", str, description="HH:MM:SS, of every day"),
        ],
        responses={200: LoginLogOut(many=True), 400: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        """One's own attempts to sign in, newest first (S1-R5)."""
        bounds: dict[str, Any] = {}
        for kind, form in FORMS.items():
            start, end = (_parsed(request, f"{edge}_{kind}", form) for edge in ("start", "end"))
            if kind == "date" and start and not end:
                end = datetime.now(UTC).date()
            if start and end and start > end:
                raise serializers.ValidationError({f"start_{kind}": ["The start is after the end."]})
            bounds |= {f"from_{kind}": start, f"to_{kind}": end}
        logs = selectors.list_login_logs(actor=request.user, **bounds)[:1000]
        return Response(LoginLogOut(logs, many=True).data)

    @extend_schema(
        operation_id="write_login_log",
        tags=["superadmin"],
        request=LoginLogIn,
        responses={201: LoginLogOut, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        """Write an entry by hand (S1-R6): superusers only, and audited."""
        given = LoginLogIn(data=request.data)
        given.is_valid(raise_exception=True)
        log = login_logs.write_login_log(actor=request.user, **_fields(given.validated_data))
        return Response(LoginLogOut(log).data, status=status.HTTP_201_CREATED)


class OneLoginLog(APIView):
    @extend_schema(operation_id="get_login_log", tags=["identity"], responses={200: LoginLogOut, 404: Detail})
    def get(self, request: SignedRequest, log_id: UUID) -> Response:
        """One entry (S1-R7)."""
        return Response(LoginLogOut(selectors.get_login_log(actor=request.user, log_id=log_id)).data)

    @extend_schema(
        operation_id="change_login_log",
        tags=["superadmin"],
        request=LoginLogIn,
        responses={200: LoginLogOut, 403: Detail, 404: Detail},
    )
    def put(self, request: SignedRequest, log_id: UUID) -> Response:
        """Correct an entry (S1-R8): superusers only, and audited."""
        given = LoginLogIn(data=request.data)
        given.is_valid(raise_exception=True)
        log = login_logs.change_login_log(actor=request.user, log_id=log_id, **_fields(given.validated_data))
        return Response(LoginLogOut(log).data)

    @extend_schema(
        operation_id="delete_login_log", tags=["superadmin"], responses={204: None, 403: Detail, 404: Detail}
    )
    def delete(self, request: SignedRequest, log_id: UUID) -> Response:
        """Delete an entry (S1-R9): superusers only, and audited."""
        login_logs.delete_login_log(actor=request.user, log_id=log_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    at = datetime.combine(given["creation_date"], given["creation_time"], tzinfo=UTC)
    rest = {"platform_os": given["platform_OS"], "successful": given["successful"], "description": given["description"]}
    return {"at": at, **rest, **({"user_id": given["user"]} if "user" in given else {})}


def _parsed(request: SignedRequest, name: str, form: tuple[str, str]) -> Any:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        moment = datetime.strptime(text, form[0]).replace(tzinfo=UTC)
    except ValueError:
        raise serializers.ValidationError({name: [f"Write it as {form[1]}."]}) from None
    return moment.date() if name.endswith("date") else moment.time()
