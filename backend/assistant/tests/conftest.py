"""What the assistant's tests share: a model's server of the test's own, and settings that lead to it."""

from collections.abc import Iterator
from typing import Any

import pytest

from backend.assistant.tests.model_server import ModelServer
from backend.tests.commits import committed  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def _nobody_is_throttled(settings: Any) -> None:
    """Ids of people come again with each database, counters stay: tests of limits have people of their own."""
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "assistant": (10**6, 60)}


@pytest.fixture
def chosen(settings: Any) -> Any:
    """Change what the assistant is set to: `chosen(person_tokens=100)`."""

    def choose(**changes: Any) -> None:
        settings.ASSISTANT = {**settings.ASSISTANT, **changes}

    return choose


@pytest.fixture
def model_server(chosen: Any) -> Iterator[ModelServer]:
    """A server that is up, and an assistant that is on."""
    with ModelServer().running() as server:
        chosen(key="test-key", base_url=server.url, model="local", first_token_s=5.0, total_s=10.0)
        yield server
