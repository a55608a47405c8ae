"""What several of these routes share: how a chat looks, and how numbers in an address are read."""

import base64
import binascii
import uuid
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from backend.common.errors import Forbidden
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.common.rendering import RawJson
from backend.common.shapes import SignedRequest
from backend.realtime.events import render
from backend.realtime.selectors import NO_LIMIT, Page
from backend.support import selectors, waits
from backend.support.models import Chat, Priority
from backend.support.services import messages

PAGE = 500
ESTIMATE = "About how long until an agent takes it, by how fast the desk is just now; null where that is not known."
PRIORITIES = [label for _, label in Priority.choices]


class ChatOut(serializers.ModelSerializer[Chat]):
    """The documented shape of a chat (S1-R27)."""

    is_active = serializers.BooleanField(read_only=True)

    class Meta:
        model = Chat
        fields = ["id", "is_active", "created_at", "customer", "admin"]
        read_only_fields = fields


class DeskOut(serializers.Serializer[Any]):
    """What only the staff in a chat may see of it."""

    priority = serializers.ChoiceField(choices=PRIORITIES)
    labels = serializers.ListField(child=serializers.CharField())
    snoozed_until = serializers.DateTimeField(allow_null=True)


class ChatDetailOut(ChatOut):
    state = serializers.ChoiceField(choices=selectors.STATES, read_only=True)
    queue_position = serializers.SerializerMethodField()
    waiting_estimate_s = serializers.SerializerMethodField(help_text=ESTIMATE)
    read_positions = serializers.SerializerMethodField()
    desk = serializers.SerializerMethodField()

    class Meta(ChatOut.Meta):
        fields = [
            *(*ChatOut.Meta.fields, "state", "assigned_at", "closed_at"),
            *("queue_position", "waiting_estimate_s", "read_positions", "desk"),
        ]
        read_only_fields = fields

    def get_queue_position(self, chat: Chat) -> int | None:
        wait = self._wait_of(chat)
        return wait.position if wait else None

    def get_waiting_estimate_s(self, chat: Chat) -> int | None:
        wait = self._wait_of(chat)
        return wait.estimate_s if wait else None

    def _wait_of(self, chat: Chat) -> waits.Wait | None:
        return self.context.get("wait")

    def get_read_positions(self, chat: Chat) -> dict[str, int]:
        return {str(user_id): seq for user_id, seq in messages.read_positions(chat.pk).items()}

    @extend_schema_field(DeskOut(allow_null=True))
    def get_desk(self, chat: Chat) -> Any:
        """Null for the customer."""
        if chat.customer_id == self.context["actor"].id:
            return None
        until = chat.snoozed_until if chat.is_snoozed else None
        facts = {"priority": chat.get_priority_display(), "labels": selectors.labels_of(chat), "snoozed_until": until}
        return DeskOut(facts).data


class EventsOut(serializers.Serializer[Any]):
    results = serializers.ListField(child=serializers.DictField(), help_text="Events, oldest first.")
    head = serializers.IntegerField(help_text="The newest event's position.")
    has_more = serializers.BooleanField()


class SentOut(serializers.Serializer[Any]):
    seq = serializers.IntegerField()
    id = serializers.UUIDField()
    client_id = serializers.CharField(allow_null=True)
    duplicate = serializers.BooleanField(help_text="True when this client_id was stored before.")


def events_page(page: Page, after: int) -> dict[str, Any]:
    """Return a page of events as they travel on the socket."""
    results = RawJson(b"[" + b",".join([render(event) for event in page.events]) + b"]")
    return {"results": results, "head": page.head, "has_more": (page.cursor or after) < page.head}


def require_staff_or_agent(actor: Principal) -> None:
    if not (actor.has_role(SUPPORT_AGENT) or actor.is_staff or actor.is_superuser):
        raise Forbidden


def count_in(request: SignedRequest, name: str, *, default: int, least: int, most: int = NO_LIMIT - 1) -> int:
    """Return a whole number of the query. Raises: ValidationError."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20) or not least <= int(text) <= most:
        raise ValidationError({name: [f"A whole number from {least} to {most}."]})
    return int(text)


def choice_in(request: SignedRequest, name: str, choices: list[str], *, default: str = "") -> str:
    """Return one of these words of the query, in lower case. Raises: ValidationError."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.lower() not in choices:
        raise ValidationError({name: [f"Say {', '.join(choices[:-1])} or {choices[-1]}."]})
    return text.lower()


def cursor_of(chat: Chat) -> str:
    """Return the position after this chat in a list by time."""
    return base64.urlsafe_b64encode(f"{chat.created_at.isoformat()}|{chat.pk}".encode()).decode()


def position_in(request: SignedRequest) -> tuple[datetime, uuid.UUID] | None:
    """Return the position that `?cursor=` names. Raises: ValidationError."""
    text = request.query_params.get("cursor")
    if not text:
        return None
    try:
        moment, _, chat_id = base64.urlsafe_b64decode(text.encode("ascii")).decode("ascii").partition("|")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError("a cursor of ours has a time zone")
        return at, uuid.UUID(chat_id)
    except (ValueError, binascii.Error):
        raise ValidationError({"cursor": ["This is no cursor of this list."]}) from None
