"""The key of what signs webhooks: sealed under one of its own each, which a master key wraps."""

from functools import cache
from uuid import UUID

from django.conf import settings

from backend.common.encryption import MasterKeys
from backend.common.envelopes import Envelopes


def webhook_envelopes() -> Envelopes:
    return _envelopes(tuple(settings.ENCRYPTION_KEY_WEBHOOKS))


@cache
def _envelopes(texts: tuple[str, ...]) -> Envelopes:
    return Envelopes(MasterKeys(texts))


def place_of(endpoint_id: UUID) -> str:
    """Name where a sealed secret stands, which is bound into it."""
    return f"banking.webhook:{endpoint_id}"
