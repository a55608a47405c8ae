"""The keys of this slice: what seals SSNs, addresses and drafts, and what recognises an SSN without reading it."""

import hashlib
import hmac
from functools import cache

from django.conf import settings

from backend.common.encryption import MasterKeys
from backend.common.envelopes import Envelopes


@cache
def ssn_envelopes() -> Envelopes:
    return Envelopes(MasterKeys(settings.ENCRYPTION_KEY_SSN))


@cache
def address_envelopes() -> Envelopes:
    return Envelopes(MasterKeys(settings.ENCRYPTION_KEY_ADDRESS))


def ssn_hash(digits: str) -> str:
    """Return the keyed hash that stands for a number. Its key never turns: the same number must meet itself."""
    return hmac.new(settings.SSN_HASH_KEY.encode(), digits.encode(), hashlib.sha256).hexdigest()


def place_of(user_id: int, field: str) -> str:
    """Name where a sealed value stands, which is bound into it."""
    return f"kyc.profile:{user_id}:{field}"
