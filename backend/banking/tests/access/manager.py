"""Who may call the routes of the manager door, and what calling them takes.

What is the caller's `own` is at a bank of which they are the first manager; nobody in the table manages one else.
"""

import uuid
from decimal import Decimal

from backend.banking.models import Bank
from backend.banking.tests.factories import move
from backend.banking.tests.manager_factories import make_account, make_bank, make_customer, make_loan
from backend.tests.roles import Cases, Row, always, signed_in
from backend.tests.stage import Caller, Stage, User

BANK, CUSTOMER = "/api/bank/{bank_id}/", "/api/customer/{bank_customer_id}/"
ACCOUNT, LOAN = "/api/account/{bank_account_id}/", "/api/loan/{bank_loan_id}/"
# Staff lists and edits every bank, and sees nothing of what is in it (S0-B7, E-S0-7).
STAFF = {"staff": 200, "superuser": 200}


def _own(status: int, **others: int) -> Cases:
    return {"own": signed_in(status), "another": signed_in(404, **others)}


def _managing(status: int) -> Row:
    """For those who manage a bank, which nobody in the table does without an object in the path."""
    return signed_in(status)


ACCESS: dict[str, Cases] = {
    "POST /api/register/bank/": always(signed_in(201)),
    "POST /api/regiser/bank/": always(signed_in(201)),
    "POST /api/register/customer/": always(_managing(403)),
    "POST /api/register/account/": always(_managing(403)),
    "POST /api/register/loan/": always(_managing(403)),
    "GET /api/bank/": always(signed_in(200)),
    "POST /api/bank/": always(signed_in(201)),
    f"GET {BANK}": _own(200, **STAFF),
    f"PUT {BANK}": _own(200, **STAFF),
    f"PATCH {BANK}": _own(200, **STAFF),
    f"DELETE {BANK}": _own(204, staff=204, superuser=204),
    f"GET {BANK}managers/": _own(200, superuser=200),
    f"POST {BANK}managers/": _own(201, superuser=201),
    f"DELETE {BANK}managers/{{user_id}}/": {"own": signed_in(404), "another": signed_in(404)},
    f"GET {BANK}trial-balance/": _own(200, auditor=200),
    f"GET {BANK}portfolio/": _own(200, auditor=200),
    f"GET {BANK}portfolio/chart.svg": _own(200, auditor=200),
    "GET /api/customer/": always(signed_in(200)),
    "POST /api/customer/": always(_managing(403)),
    f"GET {CUSTOMER}": _own(200),
    f"PUT {CUSTOMER}": _own(200),
    f"PATCH {CUSTOMER}": _own(200),
    f"DELETE {CUSTOMER}": _own(204),
    f"PUT {CUSTOMER}person/": _own(200),
    f"DELETE {CUSTOMER}person/": {"own": signed_in(404), "another": signed_in(404)},
    "GET /api/account/": always(signed_in(200)),
    "POST /api/account/": always(_managing(403)),
    f"GET {ACCOUNT}": _own(200),
    f"PUT {ACCOUNT}": _own(200),
    f"PATCH {ACCOUNT}": _own(200),
    f"DELETE {ACCOUNT}": _own(204),
    f"GET {ACCOUNT}ledger/": _own(200, auditor=200),
    f"POST {ACCOUNT}payments/": {"own": signed_in(201), "another": signed_in(404, bank_admin=201)},
    "POST /api/postings/{posting_id}/reversal/": {"own": signed_in(201), "another": signed_in(404, bank_admin=201)},
    "GET /api/loan/": always(signed_in(200)),
    "POST /api/loan/": always(_managing(403)),
    f"GET {LOAN}": _own(200),
    f"PUT {LOAN}": _own(200),
    f"PATCH {LOAN}": _own(200),
    f"DELETE {LOAN}": _own(204),
    # The table's loans are on record, which nobody moves.
    f"POST {LOAN}activate/": _own(409),
    f"POST {LOAN}reject/": _own(409),
    f"POST {LOAN}charge-off/": _own(409),
}

_NO_BANK = "the table's people manage no bank; test_manager_opening.py does it as one who does"
UNRECORDED = {
    **{
        f"POST /api/{path}/": _NO_BANK
        for path in ("register/customer", "register/account", "register/loan", "customer", "account", "loan")
    },
    **{
        f"POST {LOAN}{move}/": "the table's loans are on record; test_manager_books.py moves one"
        for move in ("activate", "reject", "charge-off")
    },
    f"DELETE {BANK}managers/{{user_id}}/": "nobody was let in; test_manager_grants.py withdraws one",
    f"DELETE {CUSTOMER}person/": "nobody was joined; test_manager_joining.py undoes one",
}


def _bank_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    return make_bank(owner).pk


def _with_bank(owner: User) -> User:
    if not Bank.objects.filter(manager=owner).exists():
        make_bank(owner)
    return owner


MAKERS = {
    "bank_id": _bank_id,
    "bank_customer_id": lambda stage, owner, caller: make_customer(_with_bank(owner)).pk,
    "bank_account_id": lambda stage, owner, caller: make_account(_with_bank(owner)).pk,
    "posting_id": lambda stage, owner, caller: move(make_account(_with_bank(owner)), 10).pk,
    "bank_loan_id": lambda stage, owner, caller: make_loan(_with_bank(owner)).pk,
}


def _person(stage: Stage) -> dict[str, str]:
    person = stage.make_user(last_name="Silva")
    person.kyc_status = "APPROVED"
    person.save()
    return {"email": person.email}


_LOAN = {"current_loan_amount": "10.00", "term": "Long Term", "purpose": "Other", "loan_status": "Charged Off"}
BODIES = {
    "POST /api/register/bank/": lambda stage: {"bank_name": "First"},
    "POST /api/regiser/bank/": lambda stage: {"bank_name": "First"},
    "POST /api/bank/": lambda stage: {"bank_name": "First"},
    f"PUT {BANK}": lambda stage: {"bank_name": "Second"},
    f"PATCH {BANK}": lambda stage: {"city": "Porto"},
    f"POST {BANK}managers/": lambda stage: {"email": stage.make_user().email},
    f"PUT {CUSTOMER}": lambda stage: {"first_name": "Eva", "last_name": "Silva"},
    f"PATCH {CUSTOMER}": lambda stage: {"city": "Porto"},
    f"PUT {CUSTOMER}person/": _person,
    f"PUT {ACCOUNT}": lambda stage: {"account_number": uuid.uuid4().hex},
    f"PATCH {ACCOUNT}": lambda stage: {"monthly_debt": str(Decimal("5.00"))},
    f"POST {ACCOUNT}payments/": lambda stage: {"total_amount": "5.00"},
    "POST /api/postings/{posting_id}/reversal/": lambda stage: {"reason": "Counted wrong."},
    f"PUT {LOAN}": lambda stage: _LOAN,
    f"PATCH {LOAN}": lambda stage: {"purpose": "Car"},
}
