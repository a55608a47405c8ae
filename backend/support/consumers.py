"""The support chat's WebSocket: `/ws/support/chat/<uuid>/` (S1-R35, design.md section 4)."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson
import structlog
from django.db import DatabaseError, InterfaceError

from backend.common.errors import DomainError, Unavailable
from backend.common.pool import PoolBusy
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.identity.sockets import SignedSocket
from backend.realtime import selectors as topics
from backend.realtime.committer import GroupCommitter
from backend.realtime.events import StoredEvent
from backend.realtime.feeds import Delivery
from backend.realtime.frames import BadFrame, cursor_from
from backend.realtime.runtime import Runtime
from backend.realtime.seats import Seat
from backend.realtime.services import Outcome
from backend.realtime.sockets import (
    DATABASE_AWAY,
    ENDED,
    NO_SUCH,
    NOT_A_MEMBER,
    Admission,
    Refused,
)
from backend.support import selectors, waits
from backend.support.errors import InvalidMessage
from backend.support.frames import CHAT, FACT, Said, desk_topic_of, said, topic_of
from backend.support.models import Chat
from backend.support.services import agents, chats, messages
from backend.support.waits import Wait

log = structlog.get_logger(__name__)

TYPING_S = 6.0
TYPING_REPEAT_S = 2.0
LEASE_RENEW_S = 20.0
PLACES_S, TOGETHER_S = 5.0, 0.05
UNANSWERED_MAX = 200
# After these somebody may no longer be in the chat: whoever answers in it looks again.
CHANGES_OF_STAFF = {"transferred", "member_left"}


async def chat_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application of one chat connection."""
    await ChatSocket(scope, receive, send).run()


class Desk:
    """What all chat sockets of a process share: the group committer, and which agents are connected."""

    def __init__(self, runtime: Runtime) -> None:
        self.committer: GroupCommitter[Said, Outcome | DomainError] = runtime.committer(
            commit=messages.store_messages, key_of=_repeat_key
        )
        self.agents: dict[int, int] = {}
        self.waiting: dict[ChatSocket, Wait | None] = {}
        self._telling = False
        self._runtime = runtime

    async def renew_leases(self) -> None:
        if self.agents:
            await self._runtime.hub.read(agents.renew_leases, list(self.agents))

    async def tell_places(self) -> None:
        """Tell each customer who waits their place in the queue, when it has changed. Two queries for all of them."""
        asked = dict(self.waiting)
        if not asked:
            return
        places = await self._runtime.hub.read(waits.waits_of, {socket.chat_id for socket in asked})
        for socket, told in asked.items():
            wait = places.get(socket.chat_id)
            if wait is None:
                self.waiting.pop(socket, None)
            elif wait != told and socket in self.waiting:
                self.waiting[socket] = wait
                socket.send({"type": "queue", "position": wait.position, "estimate_s": wait.estimate_s})

    def waits(self, socket: "ChatSocket") -> None:
        """A customer's socket waits from now on. Many that come at once are told by one look."""
        self.waiting[socket] = None
        if not self._telling:
            self._telling = True
            self._runtime.hub.spawn(self._tell_soon())

    async def _tell_soon(self) -> None:
        await asyncio.sleep(TOGETHER_S)
        self._telling = False
        try:
            await self.tell_places()
        except (DatabaseError, InterfaceError, PoolBusy) as fault:
            log.warning("places.untold", fault=type(fault).__name__)  # The next look tells.


def _repeat_key(message: Said) -> tuple[uuid.UUID, int, str] | None:
    return (message.chat_id, message.author.id, message.client_id) if message.client_id else None


def desk_of(runtime: Runtime) -> Desk:
    found: Desk | None = runtime.shared.get("support.desk")
    if found is None:
        found = runtime.shared["support.desk"] = Desk(runtime)
        runtime.hub.spawn(runtime.every(LEASE_RENEW_S, found.renew_leases))
        runtime.hub.spawn(runtime.every(PLACES_S, found.tell_places))
    return found


class ChatSocket(SignedSocket):
    frames: ClassVar[dict[str, str]] = {
        **SignedSocket.frames,
        "message": "on_say",
        "typing": "on_typing",
        "read": "on_read",
    }

    def __init__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        super().__init__(scope, receive, send)
        self.chat_id: uuid.UUID = scope["url_route"]["kwargs"]["chat_id"]
        self.topic = topic_of(self.chat_id)
        self.desk_topic = desk_topic_of(self.chat_id)
        self.role = ""
        self._unanswered = 0
        self._answered = asyncio.Event()
        self._closed_meanwhile = False
        self._staff_changed = False
        self._typing_at = 0.0
        self._typing_end: asyncio.TimerHandle | None = None

    # Coming in (in a reader's thread)

    def admit(self) -> Admission:
        is_opening = self.principal is None
        principal = self.identified()
        chat = self._entered_chat(principal, is_opening=is_opening)
        is_customer = chat.customer_id == principal.id
        return Admission(principal, [self.topic] if is_customer else [self.topic, self.desk_topic], chat)

    def cursors_from(self, value: object) -> dict[str, int]:
        return {self.topic: cursor_from(value)}

    def cursors_in(self, fields: Mapping[str, Any]) -> dict[str, int]:
        """`after` for what everybody sees, `desk_after` for the notes; to a customer the latter means nothing."""
        desk = {self.desk_topic: cursor_from(fields["desk_after"])} if "desk_after" in fields else {}
        return super().cursors_in(fields) | desk

    def heads(self) -> dict[str, Any]:
        desk = self.seats.get(self.desk_topic)
        chat = self.seats.get(self.topic)
        return {"head": chat.head if chat else 0, **({"desk_head": desk.head} if desk else {})}

    def about(self, seat: Seat) -> dict[str, Any]:
        return {"desk": True} if seat.topic == self.desk_topic else {}

    def _entered_chat(self, principal: Principal, *, is_opening: bool) -> Chat:
        """Return the chat if the person is a member; an agent becomes one by opening a waiting chat.

        Only by opening: whoever just gave a chat back to the queue does not take it again by still being connected.
        """
        chat = selectors.find_chat(self.chat_id)
        if chat is None:
            raise Refused(NO_SUCH)
        if principal.has_role(SUPPORT_AGENT):
            agents.renew_leases([principal.id])
            if is_opening and chat.admin_id is None and chat.is_active and chat.customer_id != principal.id:
                try:
                    chat = chats.take_chat(actor=principal, chat_id=chat.pk)
                except DomainError:
                    chat = selectors.find_chat(self.chat_id) or chat  # Somebody was quicker; a grant may still do.
        if not (chat.customer_id == principal.id or selectors.is_staff_in(chat, principal)):
            raise Refused(NOT_A_MEMBER)
        return chat

    # Being there

    async def opened(self, admission: Admission) -> None:
        chat: Chat = admission.facts
        principal = admission.principal
        self.role = selectors.role_in(chat, principal.id)
        self.desk = desk_of(self.runtime)
        if principal.has_role(SUPPORT_AGENT):
            self.desk.agents[principal.id] = self.desk.agents.get(principal.id, 0) + 1
        present = self.runtime.presence.enter(self.topic, principal.id, principal.display_name)
        for user_id, name in present.items():
            self.send({"type": "presence", "user_id": user_id, "user": name, "state": "online"})
        if not chat.is_active or self._closed_meanwhile:
            self.close(ENDED)
        elif chat.admin_id is None and self.role == "customer":
            self.desk.waits(self)
        if self._staff_changed and self.role == "agent":  # Perhaps after this socket was let in, and perhaps long ago.
            self.recheck()

    def left(self) -> None:
        if self.principal is None:
            return
        count = self.desk.agents.get(self.principal.id, 0)
        if count > 1:
            self.desk.agents[self.principal.id] = count - 1
        else:
            self.desk.agents.pop(self.principal.id, None)
        self.desk.waiting.pop(self, None)
        self.runtime.presence.leave(self.topic, self.principal.id)
        self._stop_typing()

    def noticed(self, delivery: Delivery) -> None:
        if delivery.kind not in (CHAT, FACT):
            return
        state = _state_in(delivery.payload)
        if state == "closed":
            self.close(ENDED)
        elif state in CHANGES_OF_STAFF and self.desk_topic in self.seats:
            self.recheck()
        if self.role == "customer" and state == "assigned":
            self.desk.waiting.pop(self, None)
        elif self.role == "customer" and state == "transferred":
            self.desk.waits(self)  # Perhaps for whoever comes first.

    def recalled(self, events: Sequence[StoredEvent]) -> None:
        """A chat closed after it was admitted tells so in the array; a later event may have opened it again."""
        for event in events:
            if event.kind not in (CHAT, FACT):
                continue
            state = _state_in(event.payload)
            if state in ("closed", "reopened"):
                self._closed_meanwhile = state == "closed"
            self._staff_changed |= state in CHANGES_OF_STAFF

    # What clients say

    async def on_say(self, fields: dict[str, Any]) -> None:
        principal = self._me()
        try:
            message = said(fields, chat_id=self.chat_id, author=principal, role=self.role)
        except InvalidMessage as fault:
            client_id = fields.get("client_id")
            raise BadFrame(
                fault.code, fault.detail, client_id if isinstance(client_id, str) and len(client_id) <= 64 else None
            ) from None
        while self._unanswered >= UNANSWERED_MAX:
            self._answered.clear()
            await self._answered.wait()
        self._unanswered += 1
        self._stop_typing()
        await self.desk.committer.room()
        self.desk.committer.submit(message, lambda result: self._on_stored(message, result))

    def _on_stored(self, message: Said, result: Outcome | DomainError | Exception) -> None:
        self._unanswered -= 1
        self._answered.set()
        if isinstance(result, Outcome) and result.event is not None:
            self.hub.ring_here([result.event])
            return
        client = {"client_id": message.client_id} if message.client_id else {}
        if isinstance(result, Outcome) and result.duplicate_of is not None and result.same:
            self.send({"type": "ack", **client, "seq": result.duplicate_of, "duplicate": True})
            return
        try:
            if isinstance(result, Exception):
                raise result
            messages.raise_refusal(result)
        except Unavailable:
            self.close(DATABASE_AWAY)  # Whether it was stored is not known; resending with the client_id decides.
        except DomainError as fault:
            self.send({"type": "error", "code": fault.code, "detail": fault.detail, **client, **fault.extra})
        except Exception:
            log.exception("message.not_stored")
            self.send({"type": "error", "code": "not_stored", "detail": "The message could not be stored.", **client})

    async def on_typing(self, fields: dict[str, Any]) -> None:
        """Tell the others that one types. It ends by itself after 6 s, with a message, or when the socket goes."""
        loop = asyncio.get_running_loop()
        if self._typing_end is not None:
            self._typing_end.cancel()
        self._typing_end = loop.call_later(TYPING_S, self._stop_typing)
        if loop.time() - self._typing_at >= TYPING_REPEAT_S:
            self._typing_at = loop.time()
            self._whisper({"type": "typing", "state": "started", "expires_in": TYPING_S})

    def _stop_typing(self) -> None:
        if self._typing_end is not None:
            self._typing_end.cancel()
            self._typing_end = None
            self._typing_at = 0.0
            self._whisper({"type": "typing", "state": "stopped"})

    async def on_read(self, fields: dict[str, Any]) -> None:
        """Store how far one has read, and show the others."""
        seq = fields.get("seq")
        if type(seq) is not int or not 0 <= seq < topics.NO_LIMIT:
            raise BadFrame("invalid_seq", "`seq` is the number of the last event you have read.")
        try:
            stored = await self.hub.read(messages.mark_read, actor=self._me(), chat_id=self.chat_id, seq=seq)
        except (DatabaseError, InterfaceError):
            log.warning("read_position.not_stored")  # Its next one will be: no reason to end the conversation.
            return
        self._whisper({"type": "read", "seq": stored})

    def _whisper(self, facts: dict[str, Any]) -> None:
        me = self._me()
        frame = {**facts, "user_id": me.id, "user": me.display_name}
        self.hub.whisper(self.topic, orjson.dumps(frame), but=self.seats.get(self.topic))

    def _me(self) -> Principal:
        if self.principal is None:
            raise RuntimeError("a socket that was not admitted got a frame")
        return self.principal


def _state_in(payload: bytes) -> Any:
    """Return the state of a `chat` event, or the fact that a note tells of."""
    fields = orjson.loads(payload)
    return fields.get("state") or fields.get("fact")
