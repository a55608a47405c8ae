"""What is said in a chat, and beside it: the same events, with the same fields, as on its socket."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.rendering import RawJson, TextField
from backend.common.shapes import Detail, SignedRequest
from backend.realtime.events import StoredEvent, render
from backend.realtime.selectors import NO_LIMIT
from backend.realtime.services import Outcome
from backend.support import selectors
from backend.support.api.shapes import PAGE, EventsOut, SentOut, count_in, events_page
from backend.support.errors import InvalidMessage
from backend.support.frames import (
    ATTACHMENTS_MAX,
    CLIENT_ID_MAX,
    TEXT_MAX,
    checked_client_id,
    checked_text,
    event_id,
    note_id,
    said,
)
from backend.support.services import edits, messages, notes

PAGES = [
    OpenApiParameter("after", int, description="Events with a larger position only. Default: 0, from the start."),
    OpenApiParameter("limit", int, description=f"At most this many, 1 to {PAGE}. Default: {PAGE}."),
]


class Messages(APIView):
    """Say something, and read what was said."""

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
        expected_seq = serializers.IntegerField(
            required=False,
            min_value=0,
            max_value=NO_LIMIT - 1,
            help_text="The last event an agent has seen: if a colleague answered after it, nothing is sent.",
        )

    class RefusedOut(Detail):
        missed = serializers.ListField(child=serializers.DictField(), required=False, help_text="What happened since.")
        head = serializers.IntegerField(required=False)

    @extend_schema(
        operation_id="list_messages", tags=["support"], parameters=PAGES, responses={200: EventsOut, 404: Detail}
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        chat = selectors.get_chat_of_member(actor=request.user, chat_id=chat_id)
        after, limit = _page_of(request)
        return Response(events_page(selectors.messages_after(chat, after, limit=limit), after))

    @extend_schema(
        operation_id="post_message",
        tags=["support"],
        request=MessageIn,
        responses={
            201: SentOut,
            200: OpenApiResponse(SentOut, description="Stored before under the same client_id."),
            404: Detail,
            409: OpenApiResponse(
                RefusedOut,
                description="The chat is closed, the client_id names another text, a file was sent before, or a "
                "colleague answered meanwhile.",
            ),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        chat = selectors.get_chat_of_member(actor=request.user, chat_id=chat_id)
        try:
            role = selectors.role_in(chat, request.user.id)
            message = said(_fields(request), chat_id=chat_id, author=request.user, role=role)
        except InvalidMessage as fault:
            raise ValidationError({fault.field: [fault.detail]}) from None
        outcome = messages.post_message(message=message)
        return _sent(outcome, lambda seq: event_id(chat_id, seq), message.client_id)


class OneMessage(APIView):
    """One message as it reads now; its author changes it or takes it back, within 15 minutes."""

    class EditIn(serializers.Serializer[Any]):
        message = TextField(max_length=TEXT_MAX, trim_whitespace=False)

    class MessageOut(serializers.Serializer[Any]):
        type = serializers.CharField()
        seq = serializers.IntegerField()
        id = serializers.UUIDField()
        client_id = serializers.CharField(allow_null=True)
        user = serializers.CharField()
        user_id = serializers.IntegerField(allow_null=True, help_text="Null for the assistant.")
        role = serializers.ChoiceField(choices=["customer", "agent", "assistant"])
        message = serializers.CharField(allow_blank=True)
        timestamp = serializers.CharField()
        attachments = serializers.ListField()
        edited_at = serializers.CharField(required=False)
        withdrawn_at = serializers.CharField(required=False)
        automatic = serializers.BooleanField(required=False, help_text="True where the assistant said it by itself.")
        sources = serializers.ListField(required=False, help_text="The help articles that it cites.")

    CHANGES = {
        200: MessageOut,
        403: OpenApiResponse(Detail, description="Somebody else's message."),
        404: Detail,
        409: OpenApiResponse(Detail, description="Withdrawn, changed from another device, or the chat is closed."),
        422: OpenApiResponse(Detail, description="Said too long ago."),
    }

    @extend_schema(operation_id="get_message", tags=["support"], responses={200: MessageOut, 404: Detail})
    def get(self, request: SignedRequest, chat_id: uuid.UUID, message_id: uuid.UUID) -> Response:
        return _event(edits.get_message(actor=request.user, chat_id=chat_id, message_id=message_id))

    @extend_schema(operation_id="edit_message", tags=["support"], request=EditIn, responses=CHANGES)
    def patch(self, request: SignedRequest, chat_id: uuid.UUID, message_id: uuid.UUID) -> Response:
        try:
            text = checked_text(_fields(request), "message")
        except InvalidMessage as fault:
            raise ValidationError({fault.field: [fault.detail]}) from None
        return _event(edits.edit_message(actor=request.user, chat_id=chat_id, message_id=message_id, text=text))

    @extend_schema(operation_id="withdraw_message", tags=["support"], responses=CHANGES)
    def delete(self, request: SignedRequest, chat_id: uuid.UUID, message_id: uuid.UUID) -> Response:
        return _event(edits.withdraw_message(actor=request.user, chat_id=chat_id, message_id=message_id))


class MessageVersions(APIView):
    """Every text a message has had, for the staff in its chat."""

    class VersionOut(serializers.Serializer[Any]):
        number = serializers.IntegerField()
        message = serializers.CharField()
        until = serializers.DateTimeField(allow_null=True, help_text="Null for the text that stands.")

    @extend_schema(
        operation_id="list_message_versions", tags=["support"], responses={200: VersionOut(many=True), 404: Detail}
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID, message_id: uuid.UUID) -> Response:
        found = edits.versions_of(actor=request.user, chat_id=chat_id, message_id=message_id)
        return Response(self.VersionOut(found, many=True).data)


class Notes(APIView):
    """What staff say beside a chat, and what happened that only they may see. The customer reads none of it."""

    class NoteIn(serializers.Serializer[Any]):
        message = TextField(max_length=TEXT_MAX, trim_whitespace=False)
        client_id = TextField(max_length=CLIENT_ID_MAX, required=False, help_text="Makes sending again safe.")

    @extend_schema(
        operation_id="list_notes", tags=["support"], parameters=PAGES, responses={200: EventsOut, 404: Detail}
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        chat = selectors.get_chat_of_staff(actor=request.user, chat_id=chat_id)
        after, limit = _page_of(request)
        return Response(events_page(selectors.notes_after(chat, after, limit=limit), after))

    @extend_schema(
        operation_id="add_note",
        tags=["support"],
        request=NoteIn,
        responses={
            201: SentOut,
            200: OpenApiResponse(SentOut, description="Stored before under the same client_id."),
            404: Detail,
            409: OpenApiResponse(Detail, description="The client_id names another text."),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        """`seq` in the answer is the note's `desk_seq`."""
        selectors.get_chat_of_staff(actor=request.user, chat_id=chat_id)
        try:
            text, client_id = checked_text(_fields(request), "message"), checked_client_id(_fields(request))
        except InvalidMessage as fault:
            raise ValidationError({fault.field: [fault.detail]}) from None
        outcome = notes.add_note(actor=request.user, chat_id=chat_id, text=text, client_id=client_id)
        return _sent(outcome, lambda seq: note_id(chat_id, seq), client_id)


class ReadUpTo(APIView):
    """Store how far one has read; never backwards."""

    class ReadIn(serializers.Serializer[Any]):
        seq = serializers.IntegerField(min_value=0, max_value=NO_LIMIT - 1)

    class ReadOut(serializers.Serializer[Any]):
        seq = serializers.IntegerField(help_text="The position that is stored.")

    @extend_schema(operation_id="mark_read", tags=["support"], request=ReadIn, responses={200: ReadOut, 404: Detail})
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        selectors.get_chat_of_member(actor=request.user, chat_id=chat_id)
        given = self.ReadIn(data=request.data)
        given.is_valid(raise_exception=True)
        stored = messages.mark_read(actor=request.user, chat_id=chat_id, seq=given.validated_data["seq"])
        return Response({"seq": stored})


def _fields(request: SignedRequest) -> dict[str, Any]:
    return request.data if isinstance(request.data, dict) else {}


def _page_of(request: SignedRequest) -> tuple[int, int]:
    after = count_in(request, "after", default=0, least=0)
    return after, count_in(request, "limit", default=PAGE, least=1, most=PAGE)


def _event(event: StoredEvent) -> Response:
    return Response(RawJson(render(event)))


def _sent(outcome: Outcome, id_of: Any, client_id: str | None) -> Response:
    seq = outcome.event.seq if outcome.event else outcome.duplicate_of or 0
    return Response(
        {"seq": seq, "id": id_of(seq), "client_id": client_id, "duplicate": outcome.event is None},
        status=status.HTTP_201_CREATED if outcome.event else status.HTTP_200_OK,
    )
