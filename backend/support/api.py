"""Support chat over REST (S1-R26 to S1-R28, and what the socket does for clients that hold none)."""

import uuid
from typing import Any

from django.urls import include, path
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.errors import Forbidden
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.common.rendering import RawJson, TextField
from backend.common.shapes import Detail, Message, SignedRequest
from backend.realtime.events import render
from backend.realtime.selectors import NO_LIMIT
from backend.support import selectors
from backend.support.errors import InvalidMessage
from backend.support.frames import ATTACHMENTS_MAX, CLIENT_ID_MAX, TEXT_MAX, event_id, said
from backend.support.models import Chat
from backend.support.services import chats, messages

PAGE = 500


class ChatOut(serializers.ModelSerializer[Chat]):
    is_active = serializers.BooleanField(read_only=True)

    class Meta:
        model = Chat
        fields = ["id", "is_active", "created_at", "customer", "admin"]
        read_only_fields = fields


class ChatDetailOut(ChatOut):
    queue_position = serializers.SerializerMethodField()
    read_positions = serializers.SerializerMethodField()

    class Meta(ChatOut.Meta):
        fields = [*ChatOut.Meta.fields, "assigned_at", "closed_at", "queue_position", "read_positions"]
        read_only_fields = fields

    def get_queue_position(self, chat: Chat) -> int | None:
        return selectors.queue_position(chat)

    def get_read_positions(self, chat: Chat) -> dict[str, int]:
        return {str(user_id): seq for user_id, seq in messages.read_positions(chat.pk).items()}


class OpenChat(APIView):
    """The caller's open chat, or a new one (S1-R26)."""

    class OpenChatOut(serializers.Serializer[Any]):
        chat_id = serializers.UUIDField()
        queue_position = serializers.IntegerField(allow_null=True, help_text="From 1 while the chat waits, else null.")

    @extend_schema(
        operation_id="get_or_open_chat",
        tags=["support"],
        request=None,
        responses={200: OpenChatOut, 404: OpenApiResponse(Detail, description="Nobody answers chats.")},
    )
    def post(self, request: SignedRequest) -> Response:
        chat = chats.get_or_open_chat(actor=request.user)
        return Response({"chat_id": chat.pk, "queue_position": selectors.queue_position(chat)})


class AgentChats(APIView):
    """The chats assigned to the calling agent (S1-R27)."""

    @extend_schema(
        operation_id="list_own_chats",
        tags=["support"],
        parameters=[OpenApiParameter("is_active", str, enum=["true", "false", "all"], description="Default: true.")],
        responses={200: ChatOut(many=True), 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        _require_staff_or_agent(request.user)
        wanted = request.query_params.get("is_active", "true").lower()
        if wanted not in {"true", "false", "all"}:
            raise ValidationError({"is_active": ["Say true, false or all."]})
        is_active = None if wanted == "all" else wanted == "true"
        return Response(ChatOut(selectors.list_chats_of_agent(actor=request.user, is_active=is_active), many=True).data)


class Queue(APIView):
    """The chats that wait for an agent, first come first."""

    @extend_schema(operation_id="list_queue", tags=["support"], responses={200: ChatOut(many=True), 403: Detail})
    def get(self, request: SignedRequest) -> Response:
        if not request.user.has_role(SUPPORT_AGENT):
            raise Forbidden
        return Response(ChatOut(selectors.list_queue(actor=request.user)[:PAGE], many=True).data)


class ChatDetail(APIView):
    """One chat: its state, its place in the queue, and how far its members have read."""

    @extend_schema(operation_id="get_chat", tags=["support"], responses={200: ChatDetailOut, 404: Detail})
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        return Response(ChatDetailOut(selectors.get_chat(actor=request.user, chat_id=chat_id)).data)


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


class CloseChat(APIView):
    """Close a chat (S1-R28). Its transcript stays."""

    @extend_schema(
        operation_id="close_chat", tags=["support"], request=None, responses={202: Message, 403: Detail, 404: Detail}
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        _require_staff_or_agent(request.user)
        chats.close_chat(actor=request.user, chat_id=chat_id)
        return Response({"message": f"chat {chat_id} closed"}, status=status.HTTP_202_ACCEPTED)


class Messages(APIView):
    """What is said in a chat: the same events, with the same fields, as on its socket."""

    class MessageIn(serializers.Serializer[Any]):
        message = TextField(
            max_length=TEXT_MAX, trim_whitespace=False, required=False, help_text="Needed without attachments."
        )
        client_id = TextField(max_length=CLIENT_ID_MAX, required=False, help_text="Makes sending again safe.")
        attachments = serializers.ListField(
            child=serializers.UUIDField(),
            max_length=ATTACHMENTS_MAX,
            required=False,
            help_text="Ids of files that the caller has uploaded to this chat and not sent yet.",
        )

    class SentOut(serializers.Serializer[Any]):
        seq = serializers.IntegerField()
        id = serializers.UUIDField()
        client_id = serializers.CharField(allow_null=True)
        duplicate = serializers.BooleanField(help_text="True when this client_id was stored before.")

    class MessagesOut(serializers.Serializer[Any]):
        results = serializers.ListField(child=serializers.DictField(), help_text="Events, oldest first.")
        head = serializers.IntegerField(help_text="The newest event's seq.")
        has_more = serializers.BooleanField()

    @extend_schema(
        operation_id="list_messages",
        tags=["support"],
        parameters=[
            OpenApiParameter("after", int, description="Events with a larger seq only. Default: 0, from the start."),
            OpenApiParameter("limit", int, description=f"At most this many, 1 to {PAGE}. Default: {PAGE}."),
        ],
        responses={200: MessagesOut, 404: Detail},
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        chat = selectors.get_chat_of_member(actor=request.user, chat_id=chat_id)
        after = _count(request, "after", default=0, least=0, most=NO_LIMIT - 1)
        limit = _count(request, "limit", default=PAGE, least=1, most=PAGE)
        page = selectors.messages_after(chat, after, limit=limit)
        cursor = page.cursor or after
        results = RawJson(b"[" + b",".join([render(event) for event in page.events]) + b"]")
        return Response({"results": results, "head": page.head, "has_more": cursor < page.head})

    @extend_schema(
        operation_id="post_message",
        tags=["support"],
        request=MessageIn,
        responses={
            201: SentOut,
            200: OpenApiResponse(SentOut, description="Stored before under the same client_id."),
            404: Detail,
            409: OpenApiResponse(
                Detail, description="The chat is closed, the client_id names another text, or a file was sent."
            ),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        chat = selectors.get_chat_of_member(actor=request.user, chat_id=chat_id)
        try:
            fields = request.data if isinstance(request.data, dict) else {}
            role = selectors.role_in(chat, request.user.id)
            message = said(fields, chat_id=chat_id, author=request.user, role=role)
        except InvalidMessage as fault:
            raise ValidationError({fault.field: [fault.detail]}) from None
        outcome = messages.post_message(message=message)
        seq = outcome.event.seq if outcome.event else outcome.duplicate_of or 0
        return Response(
            {
                "seq": seq,
                "id": event_id(chat_id, seq),
                "client_id": message.client_id,
                "duplicate": outcome.event is None,
            },
            status=status.HTTP_201_CREATED if outcome.event else status.HTTP_200_OK,
        )


def _require_staff_or_agent(actor: Principal) -> None:
    if not (actor.has_role(SUPPORT_AGENT) or actor.is_staff or actor.is_superuser):
        raise Forbidden


def _count(request: SignedRequest, name: str, *, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20) or not least <= int(text) <= most:
        raise ValidationError({name: [f"A whole number from {least} to {most}."]})
    return int(text)


urlpatterns = [
    path("api/chats/get-or-create/", OpenChat.as_view()),
    path("api/chats/chat/", AgentChats.as_view()),
    path("api/chats/queue/", Queue.as_view()),
    path("api/chats/<uuid:chat_id>/", ChatDetail.as_view()),
    path("api/chats/<uuid:chat_id>/take/", TakeChat.as_view()),
    path("api/chats/<uuid:chat_id>/close/", CloseChat.as_view()),
    path("api/chats/<uuid:chat_id>/messages/", Messages.as_view()),
    path("", include("backend.support.api_attachments")),
]
