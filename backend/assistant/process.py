"""What a server process has of the assistant, on its event loop: the model's client and the answers under way.

The chat never waits for any of it: answers stream on the loop as tasks of their own, bounded in number, and whatever
touches the database goes through the readers' threads and takes milliseconds there.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from backend.assistant.dialogue import Model, client_module, is_on, require_on
from backend.assistant.errors import AssistantBusy
from backend.assistant.services import answers, budget, first_answers
from backend.assistant.services.questions import Question
from backend.assistant.talk import Talk
from backend.common.errors import DomainError
from backend.common.pool import PoolBusy
from backend.realtime.runtime import Runtime

log = structlog.get_logger(__name__)

FIRST_ANSWERS_MAX = 4
LOOK_WHETHER_WANTED_S = 0.5


def _ignore(text: str) -> None:
    """Nobody reads along."""


class Assistant:
    """See the module's text."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._model: Model | None = None
        self._open: Counter[int] = Counter()
        self._answering: set[uuid.UUID] = set()

    @property
    def model(self) -> Model:
        if self._model is None:
            self._model = client_module().OpenAIModel()
        return self._model

    async def ask(
        self,
        payer_id: int,
        make: Callable[[], Question | None],
        *,
        show: Callable[[str], None] = _ignore,
        keep_marks: bool = False,
    ) -> Talk | None:
        """Make a question in a thread, have it answered, and settle it; None where `make` finds nothing to ask.

        Raises: AssistantOff, AssistantBusy, what `make` raises, ModelFault. Cancelling it ends the answer, which is
        settled all the same.
        """
        require_on()
        if self._open[payer_id] >= settings.ASSISTANT["streams_per_person"]:
            raise AssistantBusy
        if self._open.total() >= settings.ASSISTANT["streams_max"]:
            raise AssistantBusy("The assistant answers many others at the moment. Try again shortly.")
        self._open[payer_id] += 1
        try:
            question = await self._runtime.hub.read(make)
            if question is None:
                return None
            return await self._answered(Talk(question, keep_marks=keep_marks), show)
        finally:
            self._open[payer_id] -= 1
            self._open += Counter()  # Drops who has none left.

    async def _answered(self, talk: Talk, show: Callable[[str], None]) -> Talk:
        try:
            await talk.run(self.model, show)
        finally:
            await asyncio.shield(self._runtime.hub.spawn(self._settle(talk)))
        if talk.fault is not None:
            raise talk.fault
        return talk

    async def _settle(self, talk: Talk) -> None:
        try:
            await self._runtime.hub.read(budget.settle, talk.question.ticket, talk.answering, talk.outcome)
        except (DatabaseError, InterfaceError, PoolBusy) as fault:
            # What was booked stays spent: the safe side.
            log.warning("assistant.not_settled", fault=type(fault).__name__)

    # First answers: for who waits while nobody is available

    async def look(self) -> None:
        """Claim waiting chats that want an answer, and answer each in a task of its own."""
        room = FIRST_ANSWERS_MAX - len(self._answering)
        if not is_on() or room <= 0:
            return
        for claim in await self._runtime.hub.read(first_answers.claim_due, room):
            self._answering.add(claim.chat_id)
            self._runtime.hub.spawn(self._first_answer(claim))

    async def _first_answer(self, claim: first_answers.Claim) -> None:
        read = self._runtime.hub.read
        asking = asyncio.ensure_future(
            self.ask(claim.customer_id, lambda: first_answers.make_question(claim.chat_id), keep_marks=True)
        )
        watching = self._runtime.hub.spawn(self._cancel_when_unwanted(claim.chat_id, asking))
        try:
            talk = await asking
            answer = answers.checked(talk) if talk is not None else answers.NO_ANSWER
            prompt = talk.question.request.prompt.version if talk is not None else ""
            await read(first_answers.deliver, chat_id=claim.chat_id, answer=answer, prompt=prompt)
        except asyncio.CancelledError:
            if not watching.done() or watching.cancelled():
                asking.cancel()
                raise  # The process ends; another one takes over when the claim has run out.
            await read(first_answers.drop, claim.chat_id)
        except DomainError as fault:
            log.info("assistant.first_answer_failed", code=fault.code)
            await read(first_answers.put_back, claim.chat_id, fault)
        finally:
            watching.cancel()
            self._answering.discard(claim.chat_id)

    async def _cancel_when_unwanted(self, chat_id: uuid.UUID, asking: "asyncio.Future[Talk | None]") -> None:
        """End an answer that its customer has stopped, or that an agent has made needless. Asked of the database, so
        that it does not matter at which process they did."""
        while not asking.done():
            await asyncio.sleep(LOOK_WHETHER_WANTED_S)
            if not await self._runtime.hub.read(first_answers.is_wanted, chat_id):
                asking.cancel()
                return


def assistant_of(runtime: Runtime) -> Assistant:
    found: Assistant | None = runtime.shared.get("assistant")
    if found is None:
        found = runtime.shared["assistant"] = Assistant(runtime)
    return found


async def answer_who_waits(runtime: Runtime) -> None:
    """A task of every server process, from its start on."""
    if not is_on():
        log.info("assistant.off", reason="OPENAI_KEY is not set")
        return
    await runtime.every(settings.ASSISTANT["look_every_s"], assistant_of(runtime).look)
