"""What the console's tests share: a browser without scripts, and the memory of a process that has just begun."""

from collections.abc import Callable

import pytest
from django.test import Client

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
