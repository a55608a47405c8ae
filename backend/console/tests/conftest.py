"""What the console's tests share: a client without scripts, browsers, the memory of a process that has just begun."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from backend.console.tests.browsers import Visitor, launched
from backend.identity.models import User
from backend.identity.services import sessions
from backend.identity.tests.conftest import memory  # noqa: F401 - a fixture
from backend.tests.commits import committed  # noqa: F401 - a fixture


@pytest.fixture
def visit() -> Callable[[User], Client]:
    """Return a client signed in to the console as somebody; it checks forms as a browser's visits are checked."""

    def make(user: User, **options: object) -> Client:
        client = Client(enforce_csrf_checks=True, raise_request_exception=False, **options)
        pair = sessions.open_session(user=user, door="console")
        client.cookies["accessToken"], client.cookies["refreshToken"] = pair.access, pair.refresh
        return client

    return make


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a module's tests, each of whose people gets a context of their own. Not for longer: its driver
    keeps an event loop in this thread, and other tests run theirs. The tests' own queries are not made on that loop."""
    with pytest.MonkeyPatch.context() as environment, launched() as browser:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield browser


@pytest.fixture
def browse(live: Any, chromium: Any) -> Iterator[Callable[..., Visitor]]:
    """Return a person at a browser of their own, signed in; at the end nothing may have gone wrong on any page."""
    there: list[Visitor] = []

    def make(user: User | None = None, **options: Any) -> Visitor:
        visitor = Visitor(chromium, live.base_url, **options)
        there.append(visitor)
        if user is not None:
            pair = sessions.open_session(user=user, door="console")
            visitor.bear(pair.access, pair.refresh)
        return visitor

    yield make
    faults = [fault for visitor in there for fault in visitor.faults]
    for visitor in there:
        visitor.close()
    assert faults == []
