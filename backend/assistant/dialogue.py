"""One question to a model, and what is noted while it answers. The model itself is behind `models_module`."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Protocol

import orjson
from django.conf import settings

from backend.assistant.errors import AssistantOff
from backend.assistant.prompts import Prompt

# So many characters are about one token: for what is booked before the server says, and where it never does.
CHARACTERS_A_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What the model is sent: instructions of ours, and one JSON object of data. Everything in it is redacted."""

    prompt: Prompt
    data: str
    tokens_max: int
    within_s: float

    @property
    def instructions(self) -> str:
        return self.prompt.text

    @property
    def prompt_tokens(self) -> int:
        """About how many tokens asking takes."""
        return (len(self.instructions) + len(self.data)) // CHARACTERS_A_TOKEN + 1


def request_of(prompt: Prompt, facts: dict[str, Any], *, tokens_max: int, within_s: float) -> Request:
    """Put the data into a form in which no text can end it and begin something else."""
    return Request(prompt, orjson.dumps(facts).decode(), tokens_max, within_s)


@dataclass(slots=True)
class Answering:
    """What is known of an answer so far."""

    request: Request
    characters: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def used(self, prompt_tokens: int, answer_tokens: int) -> None:
        """Note what the server says it used: no less than nothing, and no more than can be."""
        most = 10 * (self.request.prompt_tokens + self.request.tokens_max)
        self.prompt_tokens = min(max(prompt_tokens or 0, 0), most)
        self.answer_tokens = min(max(answer_tokens or 0, 0), most)

    def settle(self) -> None:
        """Estimate what the server never said. An answer that broke off was paid for, too."""
        self.prompt_tokens = self.prompt_tokens or self.request.prompt_tokens
        self.answer_tokens = self.answer_tokens or -(-self.characters // CHARACTERS_A_TOKEN)


class Model(Protocol):
    """What answers questions. There is one in the product (openai_client.py)."""

    def stream(self, request: Request, answering: Answering) -> AsyncGenerator[str, None]: ...

    async def close(self) -> None: ...


def is_on() -> bool:
    return bool(settings.ASSISTANT["key"])


def require_on() -> None:
    """Raises: AssistantOff."""
    if not is_on():
        raise AssistantOff


@cache
def client_module() -> Any:
    """Return the module that speaks to the model's server. Loaded at the start where a key is set (apps.py)."""
    return import_module("backend.assistant.openai_client")
