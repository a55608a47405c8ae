import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from backend.common.fastcache import FastCache
from backend.identity import principals
from backend.tests.commits import committed  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[FastCache]:
    """A corner of the real cache for each test, and a memory without past: user ids come again with each database."""
    own = FastCache(settings.REDIS_URLS[0], prefix=f"{settings.LAYER_PREFIX}:{uuid.uuid4().hex}:", key=b"test")
    monkeypatch.setattr(principals, "fastcache", lambda: own)
    monkeypatch.setattr(principals, "recent", principals.RecentChanges())
    yield own
    own.close()


@pytest.fixture
def anybody() -> APIClient:
    """A client that is not signed in, and that shows crashes as answers."""
    return APIClient(raise_request_exception=False)
