"""What the support chat's tests share."""

from collections.abc import Callable

import pytest

from backend.identity.models import User
from backend.support.tests.factories import Talk, make_talk, nobody_is_available
from backend.tests.commits import committed  # noqa: F401 - a fixture
from backend.tests.servers import Server


@pytest.fixture(autouse=True)
def _nobody_is_available(request: pytest.FixtureRequest) -> None:
    if "live" in request.fixturenames:
        request.getfixturevalue("live")
        nobody_is_available()


@pytest.fixture
def talk(live: Server, make_user: Callable[..., User]) -> Talk:
    """A fresh customer and a fresh agent in an open chat, in the live server's database."""
    return make_talk(make_user)
