"""The super-admin desk: `/api/superadmin/user/…` (S1-R29 to S1-R34)."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.identity import selectors
from backend.identity.errors import LastSuperuser, RegistrationRefused
from backend.identity.models import User
from backend.identity.permissions import IsStaff
from backend.identity.services import users

FLAGS = ("is_active", "is_staff", "is_superuser")
MOMENT = "%Y-%m-%d %H:%M:%S"


class UserOut(serializers.ModelSerializer[User]):
    _id = serializers.IntegerField(source="id", read_only=True)

    class Meta:
        model = User
        fields = ["id", "_id", "username", "email", *FLAGS, "first_name", "last_name"]
        read_only_fields = fields


class UserIn(serializers.Serializer[Any]):
    email = TextField(max_length=255)
    first_name = TextField(max_length=150)
    last_name = TextField(max_length=150)
    is_staff = serializers.BooleanField(required=False)
    is_superuser = serializers.BooleanField(required=False)
    is_active = serializers.BooleanField(required=False)


class NewUserIn(UserIn):
    password = TextField(max_length=1024, trim_whitespace=False)


class Users(APIView):
    permission_classes = [IsStaff]

    @extend_schema(
        operation_id="list_users",
        tags=["superadmin"],
        parameters=[
            *(OpenApiParameter(name, str, enum=["true", "false"]) for name in FLAGS),
            OpenApiParameter("start_date", str, description=f"{MOMENT} UTC, of joining."),
            OpenApiParameter("end_date", str, description=f"{MOMENT} UTC. Default: now."),
        ],
        responses={200: UserOut(many=True), 400: Detail, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        """List accounts (S1-R29)."""
        flags = {name: _flag(request, name) for name in FLAGS if name in request.query_params}
        start, end = _moment(request, "start_date"), _moment(request, "end_date")
        if start and start > (end or datetime.now(UTC)):
            raise serializers.ValidationError({"start_date": ["The start is after the end."]})
        found = selectors.list_users(actor=request.user, flags=flags, joined_from=start, joined_to=end)
        return Response(UserOut(found[:1000], many=True).data)

    @extend_schema(
        operation_id="create_user",
        tags=["superadmin"],
        request=NewUserIn,
        responses={202: UserOut, 400: Detail, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        """Make an account of equal or lower level (S1-R30). The answer holds no token (BUG-S1-23)."""
        given = NewUserIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            user = users.create_user(actor=request.user, **given.validated_data)
        except RegistrationRefused as fault:
            raise serializers.ValidationError({fault.field: [fault.detail]}) from None
        return Response(UserOut(user).data, status=status.HTTP_202_ACCEPTED)


class OneUser(APIView):
    permission_classes = [IsStaff]

    @extend_schema(operation_id="get_user", tags=["superadmin"], responses={200: UserOut, 403: Detail, 404: Detail})
    def get(self, request: SignedRequest, user_id: int) -> Response:
        """Read one account (S1-R31)."""
        return Response(UserOut(users.get_user(actor=request.user, user_id=user_id)).data)

    @extend_schema(
        operation_id="update_user",
        tags=["superadmin"],
        request=UserIn,
        responses={200: Detail, 400: Detail, 403: Detail, 404: Detail},
    )
    def put(self, request: SignedRequest, user_id: int) -> Response:
        """Change any subset (S1-R32)."""
        given = UserIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        _update(request, user_id, given.validated_data)
        return Response({"detail": "The account was updated."})

    @extend_schema(
        operation_id="delete_user", tags=["superadmin"], responses={204: None, 403: Detail, 404: Detail, 409: Detail}
    )
    def delete(self, request: SignedRequest, user_id: int) -> Response:
        """Delete an account that has no history (S1-R33)."""
        users.delete_user(actor=request.user, user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class BlockUser(APIView):
    permission_classes = [IsStaff]

    class BlockIn(serializers.Serializer[Any]):
        is_active = serializers.BooleanField(default=False)

    @extend_schema(
        operation_id="block_user",
        tags=["superadmin"],
        request=BlockIn,
        responses={202: Detail, 400: Detail, 403: Detail, 404: Detail},
    )
    def put(self, request: SignedRequest, user_id: int) -> Response:
        """Block an account, or with `is_active` true unblock it (S1-R34, E-S1-20)."""
        given = self.BlockIn(data=request.data)
        given.is_valid(raise_exception=True)
        is_active = given.validated_data["is_active"]
        _update(request, user_id, {"is_active": is_active})
        text = "The account was unblocked." if is_active else "The account was blocked."
        return Response({"detail": text}, status=status.HTTP_202_ACCEPTED)


def _update(request: SignedRequest, user_id: int, changes: dict[str, Any]) -> None:
    try:
        users.update_user(actor=request.user, user_id=user_id, changes=changes)
    except RegistrationRefused as fault:
        raise serializers.ValidationError({fault.field: [fault.detail]}) from None
    except LastSuperuser as fault:
        raise serializers.ValidationError({"detail": fault.detail, "code": fault.code}) from None


def _flag(request: SignedRequest, name: str) -> bool:
    text = request.query_params[name].lower()
    if text not in {"true", "false"}:
        raise serializers.ValidationError({name: ["Say true or false."]})
    return text == "true"


def _moment(request: SignedRequest, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return datetime.strptime(text, MOMENT).replace(tzinfo=UTC)
    except ValueError:
        raise serializers.ValidationError({name: ["Write it as YYYY-MM-DD HH:MM:SS."]}) from None
