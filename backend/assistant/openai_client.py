"""The model's server, by the library `openai`. Imported only where a key is set: it takes a second and 40 MB.

One question is one streamed answer. Nothing is tried again here: the circuit breaker counts, and people press again.
No tools, no files, no state on the server: it gets two messages and gives text.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx2
import openai
import structlog
from django.conf import settings
from openai import AsyncOpenAI, Timeout

from backend.assistant import errors
from backend.assistant.dialogue import Answering, Request

log = structlog.get_logger(__name__)

CONNECT_S = 3.0
# More text than any prompt asks for: a server that never ends is cut off.
CHARACTERS_MAX = 20_000

_FAULTS: tuple[tuple[type[Exception], type[errors.ModelFault]], ...] = (
    (openai.APITimeoutError, errors.ModelSlow),
    (openai.APIConnectionError, errors.ModelAway),
    (openai.AuthenticationError, errors.ModelMisconfigured),
    (openai.PermissionDeniedError, errors.ModelMisconfigured),
    (openai.NotFoundError, errors.ModelMisconfigured),
    (openai.RateLimitError, errors.ModelBusy),
    (openai.InternalServerError, errors.ModelAway),
    (openai.APIStatusError, errors.ModelRefused),
    (openai.APIError, errors.ModelBrokeOff),  # an `error` event within the stream
    (openai.OpenAIError, errors.ModelRubbish),
    (httpx2.TimeoutException, errors.ModelSlow),  # within the stream the library lets these through
    (httpx2.TransportError, errors.ModelAway),
    (json.JSONDecodeError, errors.ModelRubbish),
    (UnicodeDecodeError, errors.ModelRubbish),
)


class OpenAIModel:
    """One server and model. Belongs to the loop on which it is first used."""

    def __init__(self) -> None:
        chosen = settings.ASSISTANT
        self._model = chosen["model"]
        # Between two pieces as long as before the first one: a server that has fallen silent is not waited for.
        patience = Timeout(chosen["first_token_s"], connect=min(CONNECT_S, chosen["first_token_s"]))
        self._client = AsyncOpenAI(api_key=chosen["key"], base_url=chosen["base_url"], timeout=patience, max_retries=0)

    async def close(self) -> None:
        await self._client.close()

    async def stream(self, request: Request, answering: Answering) -> AsyncGenerator[str, None]:
        """Yield the answer piece by piece; note in `answering` what it used. Raises: ModelFault.

        Whoever reads it limits how long: a limit in here would strike wherever the reader is at that moment.
        """
        try:
            async with aclosing(self._pieces(request, answering)) as pieces:
                async for piece in pieces:
                    yield piece
        except errors.ModelFault:
            raise
        except Exception as fault:
            raise _named(fault, began=answering.characters > 0) from fault

    async def _pieces(self, request: Request, answering: Answering) -> AsyncGenerator[str, None]:
        stream = await self._client.chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": request.instructions},
                {"role": "user", "content": request.data},
            ],
            max_tokens=request.tokens_max,
            temperature=0.2,
            stream=True,
            stream_options={"include_usage": True},
        )
        ended = ""
        async with stream:
            async for chunk in stream:
                if chunk.usage is not None:
                    answering.used(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
                for choice in (chunk.choices or [])[:1]:
                    ended = choice.finish_reason or ended
                    if choice.delta.refusal:
                        raise errors.ModelRefused
                    if piece := choice.delta.content:
                        answering.characters += len(piece)
                        if answering.characters > CHARACTERS_MAX:
                            raise errors.ModelRubbish
                        yield piece
        _check_end(ended, answering)


def _check_end(ended: str, answering: Answering) -> None:
    """A stream that says how it ended is whole; one that only stops is not. Raises: ModelFault."""
    if ended == "content_filter":
        raise errors.ModelRefused
    if not ended:
        raise errors.ModelBrokeOff if answering.characters else errors.ModelRubbish
    if ended not in ("stop", "length"):
        raise errors.ModelRubbish  # It wants to call a tool; there are none.


def _named(fault: Exception, *, began: bool) -> errors.ModelFault:
    """Say in our words what went wrong. What the server said is its own, and stays out of the log."""
    found = next((ours for theirs, ours in _FAULTS if isinstance(fault, theirs)), errors.ModelRubbish)
    if began and found in (errors.ModelAway, errors.ModelRubbish):
        found = errors.ModelBrokeOff
    log.warning("assistant.model_failed", fault=type(fault).__name__, outcome=found.outcome)
    return found()


@asynccontextmanager
async def opened_model() -> AsyncIterator[OpenAIModel]:
    """A model of the calling loop's own, for one question."""
    model = OpenAIModel()
    try:
        yield model
    finally:
        await model.close()
