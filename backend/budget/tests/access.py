"""Who may call the routes of budgets, and what calling them takes (backend/tests/access.py)."""

import uuid
from collections.abc import Callable
from decimal import Decimal

from backend.budget.models import Category, Import, Kind, SubCategory
from backend.budget.services import budgets
from backend.budget.sheets.layout import Layout
from backend.budget.tests.factories import expense_body, income_body, make_expense, make_income
from backend.identity.principals import principal_of
from backend.tests.roles import Cases, Row, always, only, signed_in
from backend.tests.stage import Caller, Stage, User

# A book is its owner's alone; categories are everybody's to read and staff's to write.
STAFF = ("staff", "superuser")


def _own(status: int) -> Cases:
    return {"own": signed_in(status), "another": signed_in(404)}


def _both(row: Row) -> Cases:
    return {"own": row, "another": row}


ACCESS: dict[str, Cases] = {
    "GET /api/management/expense/": always(signed_in(200)),
    "POST /api/management/expense/": always(signed_in(202)),
    "GET /api/management/expense/deleted/": always(signed_in(200)),
    "GET /api/management/expense/{expense_id}/": _own(200),
    "PUT /api/management/expense/{expense_id}/": _own(202),
    "DELETE /api/management/expense/{expense_id}/": _own(204),
    "POST /api/management/expense/{expense_id}/restore/": _own(200),
    "GET /api/management/income/": always(signed_in(200)),
    "POST /api/management/income/": always(signed_in(202)),
    "GET /api/management/income/deleted/": always(signed_in(200)),
    "GET /api/management/income/{income_id}/": _own(200),
    "PUT /api/management/income/{income_id}/": _own(202),
    "DELETE /api/management/income/{income_id}/": _own(204),
    "POST /api/management/income/{income_id}/restore/": _own(200),
    "GET /api/management/category/": always(signed_in(200)),
    "POST /api/management/category/": always(only(202, *STAFF)),
    "GET /api/management/category/{category_id}/": _both(signed_in(200)),
    "PUT /api/management/category/{category_id}/": _both(only(202, *STAFF)),
    "DELETE /api/management/category/{category_id}/": _both(only(204, *STAFF)),
    "GET /api/management/subcategory/": always(signed_in(200)),
    "POST /api/management/subcategory/": always(only(202, *STAFF)),
    "GET /api/management/subcategory/{subcategory_id}/": _both(signed_in(200)),
    "PUT /api/management/subcategory/{subcategory_id}/": _both(only(202, *STAFF)),
    "DELETE /api/management/subcategory/{subcategory_id}/": _both(only(204, *STAFF)),
    "GET /api/management/budget/": always(signed_in(200)),
    "POST /api/management/budget/": always(signed_in(201)),
    "GET /api/management/budget/{budget_id}/": _own(200),
    "PUT /api/management/budget/{budget_id}/": _own(200),
    "DELETE /api/management/budget/{budget_id}/": _own(204),
    "GET /api/management/summary/": always(signed_in(200)),
    "GET /api/management/summary/chart.svg": always(signed_in(200)),
    "GET /api/management/export.csv": always(signed_in(200)),
    "GET /api/management/import/": always(signed_in(200)),
    "POST /api/management/import/": always(signed_in(400)),  # The table has no files.
    "GET /api/management/import/{import_id}/": _own(200),
    "PUT /api/management/import/{import_id}/": _own(200),
    "DELETE /api/management/import/{import_id}/": _own(204),
    "GET /api/management/import/{import_id}/lines/": _own(200),
    "POST /api/management/import/{import_id}/commit/": _own(202),
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    "POST /api/management/import/": "reading a file in posts nothing: confirming is what is recorded",
    "PUT /api/management/import/{import_id}/": "how a file is read; confirming is what is recorded",
    "PUT /api/management/income/{income_id}/": "here it is sent as it is; test_entries.py changes one",
    "POST /api/management/expense/{expense_id}/restore/": "here it was not put away",
    "POST /api/management/income/{income_id}/restore/": "here it was not put away",
}


def _category() -> Category:
    return Category.objects.create(name="New", description="x", type=Kind.EXPENSE, hex_color="#123456")


def _import_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    layout = Layout(width=3, columns={"date": 0, "title": 1, "amount": 2})
    return Import.objects.create(user=owner, size=1, state=Import.State.READY, layout=layout.as_json()).pk


MAKERS: dict[str, Callable[[Stage, User, Caller], object]] = {
    "expense_id": lambda stage, owner, caller: make_expense(owner).pk,
    "income_id": lambda stage, owner, caller: make_income(owner).pk,
    "category_id": lambda stage, owner, caller: _category().pk,
    "subcategory_id": lambda stage, owner, caller: (
        SubCategory.objects.create(name="New", hex_color="#123456", category=_category()).pk
    ),
    "budget_id": lambda stage, owner, caller: (
        budgets.set_budget(actor=principal_of(owner), category_id=_category().pk, amount=Decimal(5)).pk
    ),
    "import_id": _import_id,
}

_NEW = {"name": "New", "description": "x", "hexColor": "#00FF00"}
BODIES = {
    "POST /api/management/expense/": lambda stage: expense_body(),
    "PUT /api/management/expense/{expense_id}/": lambda stage: {"title": "Rolls"},
    "POST /api/management/income/": lambda stage: income_body(),
    "PUT /api/management/income/{income_id}/": lambda stage: {"title": "Pay"},
    "POST /api/management/category/": lambda stage: {**_NEW, "type": "income"},
    "PUT /api/management/category/{category_id}/": lambda stage: {"name": "Newer"},
    "POST /api/management/subcategory/": lambda stage: {**_NEW, "category": str(_category().pk)},
    "PUT /api/management/subcategory/{subcategory_id}/": lambda stage: {"name": "Newer"},
    "POST /api/management/budget/": lambda stage: {"category": str(_category().pk), "amount": "100.00"},
    "PUT /api/management/budget/{budget_id}/": lambda stage: {"amount": "90.00"},
    "PUT /api/management/import/{import_id}/": lambda stage: {"decimal": ","},
}
