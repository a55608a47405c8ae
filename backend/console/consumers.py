"""`/ws/console/`: one socket for each open page of the console.

What the notifications socket carries (one's own inbox, the desks of one's roles), and how one's open chats move on; as
`desk` frames, at most two a second: the first change goes out at once, what comes within half a second of it together.
What an agent asks the assistant for streams back here, too (`assist` frames, assistant/consumers.py).
`access` says what is open to the person, first and whenever that changes, so a page that is no longer theirs goes away.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

import orjson

from backend.assistant.consumers import Assisted
from backend.common.principal import SUPPORT_AGENT, Principal
from backend.console import selectors
from backend.console.places import is_admitted, lacks_factor, places_of
from backend.console.selectors import OpenChat
from backend.identity.consumers import NotificationSocket
from backend.notifications.services import DESK_SUPPORT
from backend.realtime.feeds import Delivery, Feed
from backend.realtime.runtime import Runtime
from backend.realtime.sockets import NOT_A_MEMBER, Admission, Refused
from backend.support.consumers import Desk, desk_of
from backend.support.frames import CHAT, MESSAGE, topic_of
from backend.support.services import agents

EVERY_S = 0.5
NOTICES_MAX = 200
PREVIEW_MAX = 120
# After these a chat may be nobody's or a colleague's: look again which are one's own.
GONE = {"closed", "transferred"}


async def console_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application of one page of the console."""
    await ConsoleSocket(scope, receive, send).run()


class Watch:
    """One open chat in one agent's list: what is unread, and the last thing said. A listener in the chat's feed."""

    __slots__ = ("_socket", "chat_id", "cursor", "feed", "last", "state", "unread")

    def __init__(self, socket: "ConsoleSocket", chat: OpenChat, feed: Feed) -> None:
        self._socket = socket
        self.chat_id = chat.id
        self.cursor, self.unread = chat.head, chat.unread
        self.feed = feed
        self.last: dict[str, Any] | None = None
        self.state = ""

    def take(self, delivery: Delivery) -> None:
        if delivery.kind not in (MESSAGE, CHAT):
            return
        event = orjson.loads(delivery.payload)
        mine = event["user_id"] == self._socket.me
        if delivery.kind == MESSAGE:
            self.unread = 0 if mine else self.unread + 1
            files = len(event["attachments"])
            text = event["message"][:PREVIEW_MAX]
            self.last = {"user": event["user"], "text": text, "files": files, "mine": mine, "at": event["timestamp"]}
        else:
            self.state = event["state"]
        self._socket.moved(self)

    def take_whisper(self, frame: bytes) -> None:
        """One's own reading in another tab counts here, too. A whisper is a frame: its object begins at the brace."""
        if b'"read"' not in frame:
            return
        told = orjson.loads(frame[frame.index(b"{") :])
        if told["user_id"] == self._socket.me and told["seq"] >= self.cursor and self.unread:
            self.unread = 0
            self._socket.moved(self)

    def shown(self) -> dict[str, Any]:
        state, self.state = self.state, ""
        more = {"last": self.last} if self.last else {}
        return {"chat_id": self.chat_id, "seq": self.cursor, "unread": self.unread, "state": state, **more}


class Queue:
    """How many chats wait, for all sockets of a process: asked once for all of them, at most twice a second."""

    def __init__(self, runtime: Runtime) -> None:
        self.listeners: set[ConsoleSocket] = set()
        self.waiting = 0
        self._runtime = runtime
        self._is_stale = False
        self._looking = False

    def change(self) -> None:
        self._is_stale = True
        if not self._looking:
            self._looking = True
            self._runtime.hub.spawn(self._look())

    async def _look(self) -> None:
        try:
            while self._is_stale:
                self._is_stale = False
                self.waiting = await self._runtime.hub.read(selectors.count_waiting)
                for socket in tuple(self.listeners):
                    socket.queue_moved()
                await asyncio.sleep(EVERY_S)
        finally:
            self._looking = False


def queue_of(runtime: Runtime) -> Queue:
    found: Queue | None = runtime.shared.get("console.queue")
    if found is None:
        found = runtime.shared["console.queue"] = Queue(runtime)
    return found


class ConsoleSocket(Assisted, NotificationSocket):
    frames: ClassVar[dict[str, str]] = {**NotificationSocket.frames, **Assisted.assisted_frames}

    def __init__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        super().__init__(scope, receive, send)
        self.me = 0
        self.watches: dict[str, Watch] = {}
        self.queue: Queue | None = None
        self.support_desk: Desk | None = None
        self._notices: deque[bytes] = deque(maxlen=NOTICES_MAX)
        self._moved: dict[str, Watch] = {}
        self._waiting: int | None = None
        self._flushed_at = -EVERY_S
        self._flush: asyncio.TimerHandle | None = None

    # Coming in (in a reader's thread)

    def admit(self) -> Admission:
        admission = super().admit()
        principal = admission.principal
        places = places_of(principal)
        if not is_admitted(principal, places) or lacks_factor(principal):
            raise Refused(NOT_A_MEMBER)
        chats: Sequence[OpenChat] = ()
        if principal.has_role(SUPPORT_AGENT):
            agents.renew_leases([principal.id])
            chats = selectors.open_chats(principal)
        return Admission(principal, admission.topics, ([place.name for place in places], chats))

    async def opened(self, admission: Admission) -> None:
        await super().opened(admission)
        await self._settle(admission)

    async def _sit_anew(self, admission: Admission) -> None:
        await super()._sit_anew(admission)
        await self._settle(admission)

    async def _settle(self, admission: Admission) -> None:
        """Say what is open to the person, and follow the chats they have now."""
        principal = admission.principal
        self.me = principal.id
        places, chats = admission.facts
        self.send({"type": "access", "places": places})
        await self._follow(chats)
        if principal.has_role(SUPPORT_AGENT) and self.queue is None:
            self.queue = queue_of(self.runtime)
            self.queue.listeners.add(self)
            self.queue.change()
            self._be_there(principal)
        elif not principal.has_role(SUPPORT_AGENT):
            self._leave_desk()

    def _be_there(self, principal: Principal) -> None:
        """An agent with an open page is available, as one with an open chat is (support/consumers.py)."""
        self.support_desk = desk_of(self.runtime)
        self.support_desk.agents[principal.id] = self.support_desk.agents.get(principal.id, 0) + 1

    def _leave_desk(self) -> None:
        if self.queue is not None:
            self.queue.listeners.discard(self)
            self.queue = None
        if self.support_desk is not None:
            count = self.support_desk.agents.pop(self.me, 0)
            if count > 1:
                self.support_desk.agents[self.me] = count - 1
            self.support_desk = None

    async def _follow(self, chats: Sequence[OpenChat]) -> None:
        """Watch exactly these chats from now on."""
        wanted = {chat.id: chat for chat in chats}
        for chat_id in [chat_id for chat_id in self.watches if chat_id not in wanted]:
            self._unwatch(chat_id)
        for chat_id, chat in wanted.items():
            if chat_id in self.watches:
                continue
            feed = self.hub.join(topic_of(chat_id))
            watch = self.watches[chat_id] = Watch(self, chat, feed)
            await self.hub.go_live(feed, watch, chat.head)

    def _unwatch(self, chat_id: str) -> None:
        watch = self.watches.pop(chat_id)
        self.hub.leave(watch.feed, watch)

    def left(self) -> None:
        super().left()
        self.end_assisting()
        self._leave_desk()
        for chat_id in list(self.watches):
            self._unwatch(chat_id)
        if self._flush is not None:
            self._flush.cancel()

    # Out, at most twice a second

    def take(self, delivery: Delivery) -> None:
        self._notices.append(delivery.payload)
        self._soon()
        if delivery.topic == DESK_SUPPORT and self.queue is not None:
            self.queue.change()
        if delivery.kind in ("chat.assigned", "chat.shared") or delivery.topic == DESK_SUPPORT:
            self._look_at_chats(delivery)

    def _look_at_chats(self, delivery: Delivery) -> None:
        """A chat may have come to this agent, or gone: look again at which are theirs."""
        payload = orjson.loads(delivery.payload)["payload"]
        touches_me = payload.get("agent_id") == self.me or delivery.kind == "chat.shared"
        if touches_me or str(payload.get("chat_id")) in self.watches:
            self.recheck()

    def moved(self, watch: Watch) -> None:
        self._moved[watch.chat_id] = watch
        self._soon()
        if watch.state in GONE:
            self.recheck()

    def queue_moved(self) -> None:
        if self.queue is not None:
            self._waiting = self.queue.waiting
            self._soon()

    def _soon(self) -> None:
        if self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(max(0.0, self._flushed_at + EVERY_S - loop.time()), self._send_desk)

    def _send_desk(self) -> None:
        self._flush = None
        self._flushed_at = asyncio.get_running_loop().time()
        moved, self._moved = self._moved, {}
        frame: dict[str, Any] = {
            "type": "desk",
            "notices": [orjson.Fragment(notice) for notice in self._notices],
            "chats": [watch.shown() for watch in moved.values()],
        }
        if self._waiting is not None:
            frame["waiting"], self._waiting = self._waiting, None
        self._notices.clear()
        self.send(frame)
