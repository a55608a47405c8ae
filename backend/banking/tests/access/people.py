"""Who may call the routes of the customer door, and what calling them takes.

What is the caller's `own` is an account of theirs with 100.00 on it, and makes them verified; without one they are not.
"""

import uuid
from datetime import UTC, datetime

from backend.banking.models import Rhythm, Schedule, Transfer
from backend.banking.tests.factories import make_account
from backend.banking.tests.people_factories import account_of, plan, send
from backend.tests.roles import Cases, always, only, signed_in
from backend.tests.stage import Caller, Raw, Stage, User

ACCOUNT = "/api/accounts/{account_id}/"
SCHEDULE = "/api/transfers/scheduled/{schedule_id}/"
UNVERIFIED = signed_in(403)


def _own(status: int) -> Cases:
    return {"own": signed_in(status), "another": signed_in(404)}


def _by_staff(status: int) -> Cases:
    """Bank admins on others' accounts; nobody in the table manages the account's bank."""
    return {"own": only(403), "another": only(status, "bank_admin")}


ACCESS: dict[str, Cases] = {
    "GET /api/banks/": always(signed_in(200)),
    "PUT /api/banks/{bank_id}/limits/": _own(200),
    "GET /api/accounts/": always(UNVERIFIED),
    "POST /api/accounts/": always(UNVERIFIED),
    f"GET {ACCOUNT}": _own(200),
    f"PATCH {ACCOUNT}": _own(200),
    f"GET {ACCOUNT}entries/": _own(200),
    # There is money on it.
    f"POST {ACCOUNT}close/": {"own": signed_in(409), "another": signed_in(404, bank_admin=409)},
    f"POST {ACCOUNT}deposits/": _by_staff(201),
    f"POST {ACCOUNT}withdrawals/": _by_staff(201),
    f"POST {ACCOUNT}freeze/": _by_staff(200),
    f"POST {ACCOUNT}unfreeze/": _by_staff(200),
    "GET /api/transfers/": always(UNVERIFIED),
    "POST /api/transfers/": always(UNVERIFIED),
    "POST /api/transfers/payee/": always(UNVERIFIED),
    "GET /api/transfers/{transfer_id}/": _own(200),
    "GET /api/transfers/scheduled/": always(UNVERIFIED),
    "POST /api/transfers/scheduled/": always(UNVERIFIED),
    f"GET {SCHEDULE}": _own(200),
    f"PATCH {SCHEDULE}": _own(200),
    f"DELETE {SCHEDULE}": _own(200),
    f"POST {SCHEDULE}skip/": _own(200),
    "GET /api/statements/": always(UNVERIFIED),
    "GET /api/statements/{account_id}/{month}/": _own(200),
}

_NOT_VERIFIED = "the table's people are not verified; test_people_{}.py does it as one who is"
UNRECORDED = {
    "POST /api/accounts/": _NOT_VERIFIED.format("accounts"),
    "POST /api/transfers/": _NOT_VERIFIED.format("transfers"),
    "POST /api/transfers/payee/": _NOT_VERIFIED.format("payees"),
    "POST /api/transfers/scheduled/": _NOT_VERIFIED.format("schedules"),
    f"POST {ACCOUNT}close/": "there is money on it; test_people_freezes.py closes an empty one",
    f"POST {ACCOUNT}unfreeze/": "it is open; test_people_freezes.py unfreezes a frozen one",
}


def _transfer(owner: User) -> Transfer:
    return send(account_of(owner, balance="100.00"), make_account(), "5.00")


def _schedule(owner: User) -> Schedule:
    return plan(account_of(owner, balance="100.00"), make_account(), rhythm=Rhythm.MONTHLY)


def _account_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    return account_of(owner, balance="100.00").pk


MAKERS = {
    "account_id": _account_id,
    "transfer_id": lambda stage, owner, caller: _transfer(owner).pk,
    "schedule_id": lambda stage, owner, caller: _schedule(owner).pk,
    "month": lambda stage, owner, caller: f"{datetime.now(UTC):%Y-%m}",
}

_WHY = {"reason": "Please call us."}
_SOMETHING = str(uuid.UUID(int=7))
_TRANSFER = b'{"source": "%b", "target": "%b", "amount": "5.00"}' % ((_SOMETHING.encode(),) * 2)


def _keyed(content: bytes) -> Raw:
    return Raw(content, "application/json", {"HTTP_IDEMPOTENCY_KEY": "once"})


BODIES = {
    "PUT /api/banks/{bank_id}/limits/": lambda stage: {
        "transfer_max": "10.00",
        "transfer_day_max": None,
        "step_up_from": None,
    },
    "POST /api/accounts/": lambda stage: {"bank": _SOMETHING},
    f"PATCH {ACCOUNT}": lambda stage: {"in_budget": True},
    f"POST {ACCOUNT}close/": lambda stage: _WHY,
    f"POST {ACCOUNT}deposits/": lambda stage: {"amount": "10.00"},
    f"POST {ACCOUNT}withdrawals/": lambda stage: {"amount": "10.00"},
    f"POST {ACCOUNT}freeze/": lambda stage: _WHY,
    f"POST {ACCOUNT}unfreeze/": lambda stage: _WHY,
    "POST /api/transfers/": lambda stage: _keyed(_TRANSFER),
    "POST /api/transfers/payee/": lambda stage: {"bank": _SOMETHING, "account_number": "1", "name": "Ana"},
    "POST /api/transfers/scheduled/": lambda stage: _keyed(_TRANSFER),
    f"PATCH {SCHEDULE}": lambda stage: {"ends_on": "2199-12-31"},
    f"POST {SCHEDULE}skip/": lambda stage: {"due_on": str(datetime.now(UTC).date())},
}
