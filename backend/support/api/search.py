"""Finding what was said in one's own chats."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.shapes import Detail, SignedRequest
from backend.support import selectors
from backend.support.errors import NothingToFind
from backend.support.frames import event_id
from backend.support.search import Cursor, Hit, Search
from backend.support.words import QUERY_MAX, parse

LIMIT, LIMIT_MAX = 20, 50


class SearchMessages(APIView):
    """Full-text search in the chats that are the caller's: what was said there, newest first."""

    class FoundOut(serializers.Serializer[Any]):
        class HitOut(serializers.Serializer[Any]):
            class PieceOut(serializers.Serializer[Any]):
                text = serializers.CharField(help_text="Plain text, as it was written. Never markup.")
                hit = serializers.BooleanField()

            chat_id = serializers.UUIDField()
            type = serializers.ChoiceField(choices=["message", "note"], help_text="Notes are found by agents only.")
            seq = serializers.IntegerField(help_text="Its place in the chat; for a note its `desk_seq`.")
            id = serializers.UUIDField(allow_null=True, help_text="The message's id; null for notes.")
            user = serializers.CharField()
            user_id = serializers.IntegerField()
            role = serializers.CharField()
            timestamp = serializers.DateTimeField()
            snippet = PieceOut(many=True)

        results = HitOut(many=True)
        next = serializers.CharField(
            allow_null=True,
            help_text="The `cursor` to go on with; null at the end. A page may be short, or empty, and yet have one: "
            "what one request reads is bounded.",
        )

    @extend_schema(
        operation_id="search_messages",
        tags=["support"],
        parameters=[
            OpenApiParameter(
                "q",
                str,
                required=True,
                description=f'At most {QUERY_MAX} characters: words, "quoted phrases", or, -without. The last word may '
                "be just its beginning.",
            ),
            OpenApiParameter("chat", uuid.UUID, description="In this chat only."),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            OpenApiParameter("limit", int, description=f"At most this many, 1 to {LIMIT_MAX}. Default: {LIMIT}."),
        ],
        responses={200: FoundOut, 404: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        asked = self.Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        chat_id = asked.validated_data.get("chat")
        with_notes = False
        if chat_id is not None:
            chat = selectors.get_chat_of_member(actor=request.user, chat_id=chat_id)
            with_notes = selectors.is_staff_in(chat, request.user)
        try:
            wanted = parse(asked.validated_data["q"])
        except NothingToFind as fault:
            raise ValidationError({"q": [fault.detail]}) from None
        search = Search(request.user, wanted, chat_id, with_notes, _cursor_of(asked.validated_data["cursor"]))
        hits, following = search.page(asked.validated_data["limit"])
        return Response(
            {"results": [_shown(hit) for hit in hits], "next": following.to_text() if following is not None else None}
        )

    class Asked(serializers.Serializer[Any]):
        q = serializers.CharField(trim_whitespace=False)
        chat = serializers.UUIDField(required=False)
        cursor = serializers.CharField(default="", max_length=100)
        limit = serializers.IntegerField(default=LIMIT, min_value=1, max_value=LIMIT_MAX)


def _cursor_of(text: str) -> Cursor:
    try:
        return Cursor.from_text(text) if text else Cursor()
    except ValueError:
        raise ValidationError({"cursor": ["This is no cursor that we gave out."]}) from None


def _shown(hit: Hit) -> dict[str, Any]:
    fields = hit.payload
    return {
        "chat_id": hit.chat_id,
        "type": "note" if hit.is_desk else "message",
        "seq": hit.place.seq,
        "id": None if hit.is_desk else event_id(hit.chat_id, hit.place.seq),
        "user": fields.get("user", ""),
        "user_id": fields.get("user_id"),
        "role": fields.get("role", "agent"),
        "timestamp": hit.place.at,
        "snippet": [{"text": text, "hit": is_hit} for text, is_hit in hit.snippet],
    }
