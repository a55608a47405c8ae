"""Who may call the routes of kyc, and what calling them takes (backend/tests/access.py)."""

import random
import uuid
from typing import Any

from backend.tests.roles import Cases, always, anybody, signed_in

ACCESS: dict[str, Cases] = {
    "POST /api/auth/register/": always(anybody(201)),
    # A draft is for whoever holds its token; a made-up one opens nothing.
    "POST /api/auth/register/draft/": always(anybody(201)),
    "GET /api/auth/register/draft/": always(anybody(404)),
    "PUT /api/auth/register/draft/": always(anybody(404)),
    "DELETE /api/auth/register/draft/": always(anybody(204)),
    "GET /api/kyc/profile/": always(signed_in(404)),
    "PUT /api/kyc/profile/": always(signed_in(200)),
    "GET /api/kyc/draft/": always(signed_in(404)),
    "PUT /api/kyc/draft/": always(signed_in(200)),
    "DELETE /api/kyc/draft/": always(signed_in(204)),
}
MAKERS: dict[str, Any] = {}


def person(**changes: object) -> dict[str, object]:
    """A profile that nobody else has."""
    return {
        "phone_number": f"+2{random.randrange(10**10):010}",
        "date_of_birth": "1990-05-17",
        "ssn": f"{random.randrange(100, 600)}-{random.randrange(10, 99)}-{random.randrange(1000, 9999)}",
        "address": "12 Harbour Street, Springfield",
        **changes,
    }


def registration(**changes: object) -> dict[str, object]:
    """A registration that nobody else has."""
    name = uuid.uuid4().hex[:12]
    return {
        **person(),
        "username": f"ana_{name}",
        "email": f"{name}@example.com",
        "password": "Quiet purple Tractor 7",
        "confirm_password": "Quiet purple Tractor 7",
        "first_name": "Ana",
        "last_name": "Banker",
        **changes,
    }


DRAFT = {"step": "address", "values": {"first_name": "Ana", "address": "12 Harbour"}}

BODIES = {
    "POST /api/auth/register/": lambda stage: registration(),
    "POST /api/auth/register/draft/": lambda stage: DRAFT,
    "PUT /api/auth/register/draft/": lambda stage: DRAFT,
    "PUT /api/kyc/profile/": lambda stage: person(),
    "PUT /api/kyc/draft/": lambda stage: DRAFT,
}
