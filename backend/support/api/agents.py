"""What agents have beside their chats: when they are given any, replies kept ready, and the list of labels."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.support.api.shapes import require_staff_or_agent
from backend.support.errors import ReplyRefused, ScheduleRefused
from backend.support.frames import TEXT_MAX
from backend.support.models import CannedReply, Label
from backend.support.services import agents, canned, triage


class WindowIO(serializers.Serializer[Any]):
    day = serializers.IntegerField(help_text="0 for Monday to 6 for Sunday.")
    start = TextField(help_text="HH:MM")
    end = TextField(help_text="HH:MM; not after `start`: on the next day.")


class Availability(APIView):
    """Whether the calling agent is given chats, and when."""

    class AvailabilityIn(serializers.Serializer[Any]):
        is_switched_on = serializers.BooleanField(required=False)
        load_max = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=agents.LOAD_MAX)
        time_zone = TextField(required=False, max_length=64)
        schedule = WindowIO(many=True, required=False)

    class AvailabilityOut(serializers.Serializer[Any]):
        is_switched_on = serializers.BooleanField()
        is_available = serializers.BooleanField(help_text="Switched on, connected, on duty and with room, right now.")
        open_chats = serializers.IntegerField(help_text="Those that are not snoozed.")
        load_max = serializers.IntegerField(help_text="From so many on no more come by themselves.")
        own_load_max = serializers.IntegerField(allow_null=True)
        time_zone = serializers.CharField()
        schedule = WindowIO(many=True)

    @extend_schema(operation_id="get_availability", tags=["support"], responses={200: AvailabilityOut, 403: Detail})
    def get(self, request: SignedRequest) -> Response:
        return Response(self.AvailabilityOut(agents.availability_of(actor=request.user)).data)

    @extend_schema(
        operation_id="set_availability",
        tags=["support"],
        request=AvailabilityIn,
        responses={200: AvailabilityOut, 403: Detail},
    )
    def put(self, request: SignedRequest) -> Response:
        """Change any subset. Chats that one has stay; by hand one takes more than the limit."""
        given = self.AvailabilityIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            found = agents.set_availability(actor=request.user, changes=given.validated_data)
        except ScheduleRefused as fault:
            raise ValidationError({fault.field: [fault.detail]}) from None
        return Response(self.AvailabilityOut(found).data)


class LabelOut(serializers.ModelSerializer[Label]):
    class Meta:
        model = Label
        fields = ["id", "name", "colour", "is_active"]
        read_only_fields = fields


class LabelIn(serializers.Serializer[Any]):
    name = TextField(max_length=40)
    colour = serializers.RegexField(r"^#[0-9a-f]{6}\Z", required=False, default="#888888")
    is_active = serializers.BooleanField(required=False)


class Labels(APIView):
    """The labels that the desk uses. Staff and superusers manage them."""

    @extend_schema(operation_id="list_labels", tags=["support"], responses={200: LabelOut(many=True), 403: Detail})
    def get(self, request: SignedRequest) -> Response:
        return Response(LabelOut(triage.list_labels(actor=request.user), many=True).data)

    @extend_schema(
        operation_id="create_label",
        tags=["support"],
        request=LabelIn,
        responses={
            201: LabelOut,
            403: Detail,
            409: OpenApiResponse(Detail, description="There is one of this name."),
            422: OpenApiResponse(Detail, description="There are too many."),
        },
    )
    def post(self, request: SignedRequest) -> Response:
        require_staff_or_agent(request.user)
        given = LabelIn(data=request.data)
        given.is_valid(raise_exception=True)
        name, colour = given.validated_data["name"], given.validated_data["colour"]
        label = triage.create_label(actor=request.user, name=name, colour=colour)
        return Response(LabelOut(label).data, status=status.HTTP_201_CREATED)


class OneLabel(APIView):
    @extend_schema(
        operation_id="change_label",
        tags=["support"],
        request=LabelIn,
        responses={200: LabelOut, 403: Detail, 404: Detail, 409: OpenApiResponse(Detail, description="Name taken.")},
    )
    def patch(self, request: SignedRequest, label_id: int) -> Response:
        """Rename, recolour or switch off. Chats that have it keep it."""
        given = LabelIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        changes = given.validated_data
        return Response(LabelOut(triage.change_label(actor=request.user, label_id=label_id, changes=changes)).data)


class ReplyOut(serializers.ModelSerializer[CannedReply]):
    is_shared = serializers.SerializerMethodField()

    class Meta:
        model = CannedReply
        fields = ["id", "shortcut", "text", "is_shared", "changed_at"]
        read_only_fields = fields

    def get_is_shared(self, reply: CannedReply) -> bool:
        return reply.owner_id is None


class ReplyIn(serializers.Serializer[Any]):
    shortcut = TextField(max_length=32)
    text = TextField(
        max_length=TEXT_MAX,
        trim_whitespace=False,
        help_text=f"With variables: {', '.join(f'{{{name}}}' for name in canned.VARIABLES)}.",
    )


class CannedReplies(APIView):
    """Replies kept ready: one's own, and those of the whole desk, which staff and superusers keep."""

    class NewReplyIn(ReplyIn):
        is_shared = serializers.BooleanField(required=False, default=False)

    @extend_schema(
        operation_id="list_canned_replies",
        tags=["support"],
        parameters=[OpenApiParameter("shortcut", str, description="How the shortcut begins.")],
        responses={200: ReplyOut(many=True), 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        """By shortcut, at most 100."""
        shortcut = request.query_params.get("shortcut", "").replace("\0", "")[:32]
        return Response(ReplyOut(canned.list_replies(actor=request.user, shortcut=shortcut), many=True).data)

    @extend_schema(
        operation_id="create_canned_reply",
        tags=["support"],
        request=NewReplyIn,
        responses={201: ReplyOut, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        require_staff_or_agent(request.user)
        given = self.NewReplyIn(data=request.data)
        given.is_valid(raise_exception=True)
        with _field_errors():
            reply = canned.create_reply(actor=request.user, **given.validated_data)
        return Response(ReplyOut(reply).data, status=status.HTTP_201_CREATED)


class OneReply(APIView):
    @extend_schema(
        operation_id="get_canned_reply", tags=["support"], responses={200: ReplyOut, 403: Detail, 404: Detail}
    )
    def get(self, request: SignedRequest, reply_id: uuid.UUID) -> Response:
        return Response(ReplyOut(canned.get_reply(actor=request.user, reply_id=reply_id)).data)

    @extend_schema(
        operation_id="change_canned_reply",
        tags=["support"],
        request=ReplyIn,
        responses={200: ReplyOut, 403: Detail, 404: Detail},
    )
    def patch(self, request: SignedRequest, reply_id: uuid.UUID) -> Response:
        given = ReplyIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        with _field_errors():
            reply = canned.change_reply(actor=request.user, reply_id=reply_id, changes=given.validated_data)
        return Response(ReplyOut(reply).data)

    @extend_schema(
        operation_id="delete_canned_reply", tags=["support"], responses={204: None, 403: Detail, 404: Detail}
    )
    def delete(self, request: SignedRequest, reply_id: uuid.UUID) -> Response:
        canned.delete_reply(actor=request.user, reply_id=reply_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RenderedReply(APIView):
    """A reply as it would be said in this chat, to look over and send."""

    class RenderedOut(serializers.Serializer[Any]):
        message = serializers.CharField()

    @extend_schema(
        operation_id="render_canned_reply", tags=["support"], responses={200: RenderedOut, 403: Detail, 404: Detail}
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID, reply_id: uuid.UUID) -> Response:
        with _field_errors():
            text = canned.render_reply(actor=request.user, chat_id=chat_id, reply_id=reply_id)
        return Response({"message": text})


class _field_errors:
    """A refused reply is a bad field to clients."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, fault: Any, trace: Any) -> None:
        if isinstance(fault, ReplyRefused):
            raise ValidationError({fault.field: [fault.detail]}) from None
