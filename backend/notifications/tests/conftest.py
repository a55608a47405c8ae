import uuid
from collections.abc import Iterator

import pytest
from django.conf import settings

from backend.common.fastcache import FastCache
from backend.notifications.services import deliveries
from backend.tests.commits import committed  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def who_is_online(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A corner of the real cache for each test: user ids come again with each database."""
    own = FastCache(settings.REDIS_URLS[0], prefix=f"{settings.LAYER_PREFIX}:{uuid.uuid4().hex}:", key=b"test")
    monkeypatch.setattr(deliveries, "fastcache", lambda: own)
    yield
    own.close()
