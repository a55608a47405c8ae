"""Who may call the routes of lending, and what calling them takes.

What is the caller's `own` is asked for by, or lent to, the caller; what is `another`'s, by somebody else at a bank that
nobody in the table manages. So the desk's routes are for bank admins, and to read for auditors; that managers get to
their own banks' is tested in test_lending_desk.py.
"""

import uuid
from typing import Any

from backend.banking.tests.lending_factories import apply, lend, make_borrower, make_product
from backend.tests.roles import Cases, always, only, signed_in
from backend.tests.stage import Caller, Raw, Stage, User

PEOPLE, DESK = "/api/lending", "/api/lending/desk"
APPLICATION, LOAN = f"{PEOPLE}/applications/{{application_id}}/", f"{PEOPLE}/loans/{{lending_loan_id}}/"
DESK_APPLICATION, DESK_LOAN = f"{DESK}/applications/{{desk_application_id}}/", f"{DESK}/loans/{{desk_loan_id}}/"
DESK_PRODUCT = f"{DESK}/products/{{desk_product_id}}/"
READERS = {"bank_admin": 200, "auditor": 200}


def _own(status: int) -> Cases:
    return {"own": signed_in(status), "another": signed_in(404)}


def _read() -> Cases:
    return {"own": signed_in(403, **READERS), "another": signed_in(403, **READERS)}


def _decided(status: int) -> Cases:
    """Nobody decides about themselves."""
    return {"own": only(403), "another": only(status, "bank_admin")}


ACCESS: dict[str, Cases] = {
    f"GET {PEOPLE}/products/": always(signed_in(200)),
    f"GET {PEOPLE}/products/{{product_id}}/quote/": {"own": signed_in(200), "another": signed_in(200)},
    f"GET {PEOPLE}/applications/": always(signed_in(200)),
    f"POST {PEOPLE}/applications/": always(signed_in(403)),  # Nobody in the table is verified.
    f"GET {APPLICATION}": _own(200),
    f"POST {APPLICATION}withdraw/": _own(200),
    f"GET {PEOPLE}/loans/": always(signed_in(200)),
    f"GET {LOAN}": _own(200),
    f"GET {LOAN}payoff/": _own(200),
    f"GET {LOAN}repayments/": _own(200),
    f"POST {LOAN}repayments/": _own(201),
    f"GET {DESK}/applications/": always(signed_in(403, **READERS)),
    f"GET {DESK_APPLICATION}": _read(),
    f"POST {DESK_APPLICATION}approve/": _decided(200),
    f"POST {DESK_APPLICATION}reject/": _decided(200),
    f"GET {DESK}/loans/": always(signed_in(403, **READERS)),
    f"GET {DESK_LOAN}": _read(),
    f"POST {DESK_LOAN}charge-off/": _decided(409),  # Nothing is overdue here.
    f"GET {DESK}/products/": always(signed_in(403, **READERS)),
    f"POST {DESK}/products/": always(only(404, "bank_admin")),  # The bank in the body is none.
    f"PATCH {DESK_PRODUCT}": {"own": only(200, "bank_admin"), "another": only(200, "bank_admin")},
}

UNRECORDED = {
    f"POST {PEOPLE}/applications/": "nobody in the table is verified; test_lending_applications.py asks as one who is",
    f"POST {DESK_LOAN}charge-off/": "nothing is overdue here; test_lending_collection.py gives a loan up",
    f"POST {DESK}/products/": "the bank is none; test_lending_desk.py makes a product",
}


def _application(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    return apply(make_borrower(stage.make_user, user=owner)).pk


def _loan(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    borrower = make_borrower(stage.make_user, user=owner, balance=100)
    return lend(stage.make_user, borrower, today=None).pk


MAKERS: dict[str, Any] = {
    "product_id": lambda stage, owner, caller: make_product().pk,
    "application_id": _application,
    "lending_loan_id": _loan,
    "desk_application_id": _application,
    "desk_loan_id": _loan,
    "desk_product_id": lambda stage, owner, caller: make_product().pk,
}

_PRODUCT = {
    "bank": str(uuid.UUID(int=1)),
    "name": "Car loan",
    "annual_rate": "5.4900",
    "amount_min": "1000.00",
    "amount_max": "50000.00",
    "months_max": 84,
}
_APPLICATION = {"account": str(uuid.UUID(int=1)), "product": str(uuid.UUID(int=1)), "amount": "1200.00", "months": 12}
BODIES = {
    f"GET {PEOPLE}/products/{{product_id}}/quote/": lambda stage: Raw(
        b"", "text/plain", {"QUERY_STRING": "amount=1200.00&months=12"}
    ),
    f"POST {PEOPLE}/applications/": lambda stage: {**_APPLICATION, "purpose": "Buy a Car"},
    f"POST {LOAN}repayments/": lambda stage: {"kind": "early", "amount": "200.00"},
    f"POST {DESK_APPLICATION}reject/": lambda stage: {"reason": "Too little income."},
    f"POST {DESK_LOAN}charge-off/": lambda stage: {"reason": "Answers no letters."},
    f"POST {DESK}/products/": lambda stage: _PRODUCT,
    f"PATCH {DESK_PRODUCT}": lambda stage: {"annual_rate": "4.9900"},
}
