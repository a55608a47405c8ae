"""The assistant on sockets: `/ws/support/chatbot/` (S1-R36), and what an agent's page asks on the console's socket."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, ClassVar

import structlog
from django.db import DatabaseError, InterfaceError

from backend.assistant.errors import AssistantBusy
from backend.assistant.process import assistant_of
from backend.assistant.services import answers, suggestions
from backend.assistant.services.answers import NO_ANSWER, OFFER, Answer, Source
from backend.assistant.services.questions import Line, Question
from backend.common.errors import DomainError, Unavailable
from backend.common.pool import PoolBusy
from backend.common.principal import Principal
from backend.identity import limits
from backend.identity.sockets import SignedSocket
from backend.realtime.frames import BadFrame
from backend.realtime.sockets import Admission
from backend.support import waits
from backend.support.errors import InvalidMessage
from backend.support.frames import checked_client_id, checked_text
from backend.support.services import chats
from backend.support.services.telling import now_text

log = structlog.get_logger(__name__)

LINES_MAX = 12
# Parts of an answer are sent together that come within so long of one another; the first one goes out at once.
PART_EVERY_S = 0.04
ID_MAX = 64

MAKERS: dict[str, Callable[..., Question]] = {
    "suggestion": suggestions.suggest_reply,
    "summary": suggestions.summarise,
}


async def chatbot_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application of one conversation with the assistant."""
    await ChatbotSocket(scope, receive, send).run()


class ChatbotSocket(SignedSocket):
    """One person and the assistant. Nothing is stored: the conversation is in this socket's memory alone."""

    frames: ClassVar[dict[str, str]] = {
        "ping": "on_ping",
        "message": "on_ask",
        "person": "on_person",
        "stop": "on_stop",
    }

    def __init__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        super().__init__(scope, receive, send)
        self._lines: deque[Line] = deque(maxlen=LINES_MAX)
        self._task: asyncio.Task[None] | None = None

    def admit(self) -> Admission:
        return Admission(self.identified(), [])

    def cursors_from(self, value: object) -> dict[str, int]:
        return {}

    def left(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def on_ask(self, fields: dict[str, Any]) -> None:
        """Answer what somebody asks; one question at a time."""
        try:
            text, client_id = checked_text(fields, "message"), checked_client_id(fields)
        except InvalidMessage as fault:
            raise BadFrame(fault.code, fault.detail) from None
        named = {"client_id": client_id} if client_id else {}
        if self._task is not None and not self._task.done():
            self.send(_error(AssistantBusy()) | named)
            return
        self._task = self.hub.spawn(self._answer(_me(self), text, named))

    async def on_stop(self, fields: dict[str, Any]) -> None:
        """End the answer under way."""
        if self._task is not None:
            self._task.cancel()

    async def on_person(self, fields: dict[str, Any]) -> None:
        """Pass on to people: the person's support chat, opened if there is none."""
        facts = await self.hub.read(_handed_over, _me(self))
        self.send({"type": "handover", **facts})

    async def _answer(self, me: Principal, text: str, named: dict[str, str]) -> None:
        lines = [*self._lines, Line("customer", text)]
        self.send({"type": "thinking", **named})
        try:
            await self.hub.read(limits.share_for_person, "assistant", me.id)
            talk = await assistant_of(self.runtime).ask(
                me.id, lambda: answers.ask_chatbot(actor=me, lines=lines), keep_marks=True
            )
        except (DomainError, DatabaseError, InterfaceError, PoolBusy) as fault:
            self.send(_error(fault) | named)
            return
        answer = answers.checked(talk) if talk is not None else NO_ANSWER
        self._lines += [Line("customer", text), Line("assistant", answer.text)]
        self.send({"type": "answer", **named, **_shown(answer)})


def _shown(answer: Answer) -> dict[str, Any]:
    return {
        "message": answer.text if answer.knows else f"{answer.text} {OFFER}",
        "automatic": True,
        "knows": answer.knows,
        "sources": [asdict(source) for source in answer.sources],
        "offers_person": True,
        "timestamp": now_text(),
    }


def _handed_over(actor: Principal) -> dict[str, Any]:
    chat = chats.get_or_open_chat(actor=actor)
    wait = waits.wait_of(chat.pk) if chat.admin_id is None else None
    place, estimate = (wait.position, wait.estimate_s) if wait else (None, None)
    return {"chat_id": str(chat.pk), "queue_position": place, "waiting_estimate_s": estimate}


class Assisted(SignedSocket):
    """What an agent's page adds to its socket: it asks for a suggestion or a summary, and the answer streams to this
    page alone. It ends with the page, or when the page says so."""

    assisted_frames: ClassVar[dict[str, str]] = {"assist": "on_assist", "assist_stop": "on_assist_stop"}

    def __init__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        super().__init__(scope, receive, send)
        self._asked: dict[str, asyncio.Task[None]] = {}

    def end_assisting(self) -> None:
        for task in self._asked.values():
            task.cancel()

    async def on_assist(self, fields: dict[str, Any]) -> None:
        name, task, chat_id = fields.get("id"), fields.get("task"), _uuid_in(fields)
        if not isinstance(name, str) or not 0 < len(name) <= ID_MAX or task not in MAKERS or chat_id is None:
            raise BadFrame("invalid_assist", "`assist` has an `id`, a `task` and the `chat_id` that it is about.")
        if name in self._asked:
            raise BadFrame("invalid_assist", "This `id` is being answered.")
        asking = _Asking(self, name, task, chat_id)
        self._asked[name] = self.hub.spawn(asking.run(_me(self)))
        self._asked[name].add_done_callback(lambda _: self._asked.pop(name, None))

    async def on_assist_stop(self, fields: dict[str, Any]) -> None:
        name = fields.get("id")
        if isinstance(name, str) and name in self._asked:
            self._asked[name].cancel()


class _Asking:
    """One answer on its way to a page, in parts that are not too small."""

    def __init__(self, socket: Assisted, name: str, task: str, chat_id: uuid.UUID) -> None:
        self._socket = socket
        self._task, self._chat_id = task, chat_id
        self._facts = {"type": "assist", "id": name, "chat_id": str(chat_id), "task": task}
        self._waiting: list[str] = []
        self._flush: asyncio.TimerHandle | None = None
        self._is_over = False

    async def run(self, me: Principal) -> None:
        socket = self._socket
        try:
            await socket.hub.read(limits.share_for_person, "assistant", me.id)
            talk = await assistant_of(socket.runtime).ask(me.id, lambda: self._question(me), show=self._show)
        except (DomainError, DatabaseError, InterfaceError, PoolBusy) as fault:
            error = _error(fault)
            self._say("failed", code=error["code"], detail=error["detail"])
        except asyncio.CancelledError:
            self._say("stopped")
            raise
        else:
            if talk is not None:
                cited = [(number, talk.question.articles[number - 1]) for number in talk.cited]
                sources = [asdict(Source(number, one.slug, one.title)) for number, one in cited]
                self._say("done", text=talk.text.strip(), knows=talk.knows, sources=sources)

    def _question(self, me: Principal) -> Question:
        return MAKERS[self._task](actor=me, chat_id=self._chat_id)

    def _show(self, text: str) -> None:
        self._waiting.append(text)
        if self._flush is None:
            self._send_part()
            self._flush = asyncio.get_running_loop().call_later(PART_EVERY_S, self._send_rest)

    def _send_rest(self) -> None:
        self._flush = None
        if self._waiting and not self._is_over:
            self._show("")

    def _send_part(self) -> None:
        text, self._waiting = "".join(self._waiting), []
        if text:
            self._socket.send({**self._facts, "state": "part", "text": text})

    def _say(self, state: str, **more: Any) -> None:
        """Say how it ended. What was still to be sent is in the whole text, or of no use any more."""
        self._is_over = True
        if self._flush is not None:
            self._flush.cancel()
        self._socket.send({**self._facts, "state": state, **more})


def _error(fault: Exception) -> dict[str, Any]:
    known = fault if isinstance(fault, DomainError) else Unavailable()
    if known is not fault:
        log.warning("assistant.not_answered", fault=type(fault).__name__)
    return {"type": "error", "code": known.code, "detail": known.detail}


def _me(socket: SignedSocket) -> Principal:
    if socket.principal is None:
        raise RuntimeError("a socket that was not admitted got a frame")
    return socket.principal


def _uuid_in(fields: dict[str, Any]) -> uuid.UUID | None:
    value = fields.get("chat_id")
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
