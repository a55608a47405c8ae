"""One question and its answer, from the first word to how it ended. Knows no database: whoever runs it settles it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from backend.assistant.dialogue import Answering, Model
from backend.assistant.errors import ModelFault, ModelRubbish, ModelSlow
from backend.assistant.reading import TEXT_MAX, Reader
from backend.assistant.services.budget import ANSWERED, CANCELLED, UNKNOWN
from backend.assistant.services.questions import Question


def _ignore(text: str) -> None:
    """Nobody reads along."""


class Talk:
    """`outcome` is CANCELLED until the answer is whole, or failed: then `fault` says how."""

    def __init__(self, question: Question, *, keep_marks: bool = False) -> None:
        self.question = question
        self.answering = Answering(question.request)
        self.outcome = CANCELLED
        self.fault: ModelFault | None = None
        self.first_after_s: float | None = None
        self._reader = Reader(question.mask, sources=len(question.articles), keep_marks=keep_marks)
        self._parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def knows(self) -> bool:
        return self._reader.knows

    @property
    def cited(self) -> list[int]:
        """The numbers of the articles that are cited, in the order in which they are."""
        return self._reader.cited

    async def run(self, model: Model, show: Callable[[str], None] = _ignore) -> None:
        """Ask, and hand each part that can be shown to `show` as it comes. Raises nothing but a cancellation."""
        since = time.monotonic()
        try:
            async with asyncio.timeout(self.question.request.within_s), self._pieces(model) as pieces:
                async for piece in pieces:
                    if self.first_after_s is None:
                        self.first_after_s = time.monotonic() - since
                    self._take(self._reader.feed(piece), show)
            self._take(self._reader.finish(), show)
            self.outcome = ANSWERED if self.knows else UNKNOWN
        except TimeoutError:
            self._failed(ModelSlow())
        except ModelFault as fault:
            self._failed(fault)

    def _pieces(self, model: Model) -> "aclosing[AsyncGenerator[str, None]]":
        """The answer's stream, whose connection ends with the block."""
        return aclosing(model.stream(self.question.request, self.answering))

    def _take(self, text: str, show: Callable[[str], None]) -> None:
        if not text:
            return
        if self._reader.length > TEXT_MAX:
            raise ModelRubbish  # No prompt asks for so much.
        self._parts.append(text)
        show(text)

    def _failed(self, fault: ModelFault) -> None:
        self.fault, self.outcome = fault, fault.outcome
