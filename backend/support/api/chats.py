"""Chats: opening, listing, taking, transferring, closing and reopening them."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.errors import Forbidden
from backend.common.principal import SUPPORT_AGENT
from backend.common.rendering import TextField
from backend.common.shapes import Detail, Message, SignedRequest
from backend.support import selectors, waits
from backend.support.api.shapes import (
    ESTIMATE,
    PAGE,
    PRIORITIES,
    ChatDetailOut,
    ChatOut,
    DeskOut,
    choice_in,
    count_in,
    cursor_of,
    position_in,
    require_staff_or_agent,
)
from backend.support.errors import InvalidMessage
from backend.support.frames import TEXT_MAX, checked_text
from backend.support.models import Priority
from backend.support.services import chats, transfers

LIST_MAX = 1000


class OpenChat(APIView):
    """The caller's open chat, or a new one (S1-R26)."""

    class OpenChatOut(serializers.Serializer[Any]):
        chat_id = serializers.UUIDField()
        queue_position = serializers.IntegerField(allow_null=True, help_text="From 1 while the chat waits, else null.")
        waiting_estimate_s = serializers.IntegerField(allow_null=True, help_text=ESTIMATE)

    @extend_schema(
        operation_id="get_or_open_chat",
        tags=["support"],
        request=None,
        responses={200: OpenChatOut, 404: OpenApiResponse(Detail, description="Nobody answers chats.")},
    )
    def post(self, request: SignedRequest) -> Response:
        chat = chats.get_or_open_chat(actor=request.user)
        wait = waits.wait_of(chat.pk) if chat.admin_id is None else None
        position, estimate = (wait.position, wait.estimate_s) if wait else (None, None)
        return Response({"chat_id": chat.pk, "queue_position": position, "waiting_estimate_s": estimate})


class AgentChats(APIView):
    """The chats assigned to the calling agent (S1-R27)."""

    class ChatRowOut(DeskOut):
        id = serializers.UUIDField()
        is_active = serializers.BooleanField()
        created_at = serializers.DateTimeField()
        customer = serializers.IntegerField()
        admin = serializers.IntegerField()
        state = serializers.ChoiceField(choices=selectors.STATES)
        unread = serializers.IntegerField(help_text=f"What others said since; counts to {selectors.UNREAD_MAX}.")
        head = serializers.IntegerField(help_text="The newest event's seq.")

    class ChatPageOut(serializers.Serializer[Any]):
        next = serializers.CharField(allow_null=True, help_text="`?cursor=` of the next page.")

        def get_fields(self) -> dict[str, Any]:
            return {"results": AgentChats.ChatRowOut(many=True), **super().get_fields()}

    @extend_schema(
        operation_id="list_own_chats",
        tags=["support"],
        parameters=[
            OpenApiParameter("is_active", str, enum=["true", "false", "all"], description="Default: true."),
            OpenApiParameter("state", str, enum=list(selectors.STATES), description="Goes before `is_active`."),
            OpenApiParameter("priority", str, enum=PRIORITIES),
            OpenApiParameter("label", str),
            OpenApiParameter("limit", int, description="Pages of 1 to 100, each row with what the desk knows of it."),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
        ],
        responses={
            200: PolymorphicProxySerializer(
                component_name="OwnChats",
                serializers=[ChatOut(many=True), ChatPageOut],
                resource_type_field_name=None,
                many=False,
            ),
            403: Detail,
        },
    )
    def get(self, request: SignedRequest) -> Response:
        """Without `limit` and `cursor` the plain list, of at most 1,000; with either, pages that say more."""
        require_staff_or_agent(request.user)
        wanted = choice_in(request, "is_active", ["true", "false", "all"], default="true")
        state = choice_in(request, "state", list(selectors.STATES))
        priority = choice_in(request, "priority", PRIORITIES)
        found = selectors.list_chats_of_agent(
            actor=request.user,
            is_active=None if wanted == "all" or state else wanted == "true",
            state=state,
            priority=Priority[priority.upper()] if priority else None,
            label=_label_in(request),
        )
        if not {"limit", "cursor"} & request.query_params.keys():
            return Response(ChatOut(found[:LIST_MAX], many=True).data)
        limit = count_in(request, "limit", default=50, least=1, most=100)
        rows, has_more = selectors.page_of_chats(found, actor=request.user, after=position_in(request), limit=limit)
        return Response(
            {
                "results": [_row(row) for row in rows],
                "next": cursor_of(rows[-1].chat) if has_more else None,
            }
        )


def _label_in(request: SignedRequest) -> str:
    label = request.query_params.get("label", "")
    if len(label) > 40 or "\0" in label:
        raise ValidationError({"label": ["This is no label."]})
    return label


def _row(row: selectors.ChatRow) -> dict[str, Any]:
    chat = row.chat
    return {
        **ChatOut(chat).data,
        "state": chat.state,
        "priority": chat.get_priority_display(),
        "labels": row.labels,
        "snoozed_until": chat.snoozed_until if chat.is_snoozed else None,
        "unread": row.unread,
        "head": row.head,
    }


class Queue(APIView):
    """The chats that wait for an agent: the most urgent first, then first come first."""

    @extend_schema(operation_id="list_queue", tags=["support"], responses={200: ChatOut(many=True), 403: Detail})
    def get(self, request: SignedRequest) -> Response:
        if not request.user.has_role(SUPPORT_AGENT):
            raise Forbidden
        return Response(ChatOut(selectors.list_queue(actor=request.user)[:PAGE], many=True).data)


class ChatDetail(APIView):
    """One chat: its state, its place in the queue, and how far its members have read."""

    @extend_schema(operation_id="get_chat", tags=["support"], responses={200: ChatDetailOut, 404: Detail})
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        chat = selectors.get_chat(actor=request.user, chat_id=chat_id)
        wait = waits.wait_of(chat.pk) if chat.state == "waiting" else None
        return Response(ChatDetailOut(chat, context={"actor": request.user, "wait": wait}).data)


class TakeChat(APIView):
    """Become the agent of a waiting chat."""

    @extend_schema(
        operation_id="take_chat",
        tags=["support"],
        request=None,
        responses={
            200: ChatOut,
            403: Detail,
            404: Detail,
            409: OpenApiResponse(Detail, description="A colleague was quicker, or it is closed."),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        return Response(ChatOut(chats.take_chat(actor=request.user, chat_id=chat_id)).data)


class TransferChat(APIView):
    """Give a chat to a colleague, or back to the queue."""

    class TransferIn(serializers.Serializer[Any]):
        agent = serializers.IntegerField(required=False, min_value=1, max_value=2**62, help_text="The colleague's id.")
        queue = serializers.BooleanField(required=False, help_text="True: whoever comes first takes it.")
        note = TextField(required=False, max_length=TEXT_MAX, trim_whitespace=False, help_text="For the staff alone.")

        def validate(self, given: dict[str, Any]) -> dict[str, Any]:
            if ("agent" in given) == bool(given.get("queue")):
                raise serializers.ValidationError({"agent": ["Name the colleague, or say that it is for the queue."]})
            return given

    @extend_schema(
        operation_id="transfer_chat",
        tags=["support"],
        request=TransferIn,
        responses={
            200: ChatOut,
            403: Detail,
            404: Detail,
            409: OpenApiResponse(Detail, description="A colleague has it, or it is closed."),
            422: OpenApiResponse(Detail, description="There is no such agent."),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        require_staff_or_agent(request.user)
        given = self.TransferIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields = given.validated_data
        try:
            note = checked_text(fields, "note") if "note" in fields else ""
        except InvalidMessage as fault:
            raise ValidationError({fault.field: [fault.detail]}) from None
        chat = transfers.transfer_chat(actor=request.user, chat_id=chat_id, agent_id=fields.get("agent"), note=note)
        return Response(ChatOut(chat).data)


class CloseChat(APIView):
    """Close a chat (S1-R28). Its transcript stays."""

    @extend_schema(
        operation_id="close_chat",
        tags=["support"],
        request=None,
        responses={
            202: Message,
            403: Detail,
            404: Detail,
            409: OpenApiResponse(Detail, description="A colleague has it."),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        require_staff_or_agent(request.user)
        chats.close_chat(actor=request.user, chat_id=chat_id)
        return Response({"message": f"chat {chat_id} closed"}, status=status.HTTP_202_ACCEPTED)


class ReopenChat(APIView):
    """Open a closed chat again, within 7 days: its customer, or who answered in it."""

    @extend_schema(
        operation_id="reopen_chat",
        tags=["support"],
        request=None,
        responses={
            200: ChatOut,
            404: Detail,
            409: OpenApiResponse(Detail, description="The customer has a newer open chat."),
            422: OpenApiResponse(Detail, description="It was closed too long ago."),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        return Response(ChatOut(chats.reopen_chat(actor=request.user, chat_id=chat_id)).data)
