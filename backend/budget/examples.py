"""Requests of this slice as its documents show them. A test sends each (backend/tests/test_documents.py)."""

from backend.common.examples import Example

# Seeded categories (migration 0003), so that the requests work on any installation.
FOOD, GROCERIES = "ad40cf8f-8b5c-5431-a922-b892751040f1", "f96c3a69-2e08-5386-a2ce-e4d9769ff02d"
SALARY = "f69c7034-d05d-54cb-a7c8-09733fc282bd"
MANAGEMENT = "/api/management/"
WHEN = {"creation_date": "2026-03-05", "creation_time": "08:30:00"}
PLACE = {"category": FOOD, "subcategory": GROCERIES}
EXPENSE = {"title": "Bread", "description": "Two loaves", "amount": "7.50", **WHEN, **PLACE}
INCOME = {"title": "Pay", "description": "March", "amount": "2400.00", **WHEN, "category": SALARY}
LOOK = {"description": "Presents for others", "hexColor": "#8e24aa"}

EXAMPLES = {
    f"POST {MANAGEMENT}expense/": Example({**EXPENSE, "client_id": "b7c1"}, 202),
    f"PUT {MANAGEMENT}expense/{{expense_id}}/": Example({"title": "Rolls", "amount": "4.20"}, 202),
    f"POST {MANAGEMENT}income/": Example({**INCOME, "client_id": "b7c2"}, 202),
    f"PUT {MANAGEMENT}income/{{income_id}}/": Example({"amount": "2500.00"}, 202),
    f"POST {MANAGEMENT}category/": Example({"name": "Presents", "type": "expense", **LOOK}, 202, role="staff"),
    f"PUT {MANAGEMENT}category/{{category_id}}/": Example({"name": "Charity"}, 202, role="staff"),
    f"POST {MANAGEMENT}subcategory/": Example({"name": "Market", **LOOK, "category": FOOD}, 202, role="staff"),
    f"PUT {MANAGEMENT}subcategory/{{subcategory_id}}/": Example({"name": "Bakery"}, 202, role="staff"),
    f"POST {MANAGEMENT}budget/": Example({"category": FOOD, "amount": "300.00"}, 201),
    f"PUT {MANAGEMENT}budget/{{budget_id}}/": Example({"amount": "280.00"}, 200),
    f"PUT {MANAGEMENT}import/{{import_id}}/": Example({"decimal": ","}, 200, about="A file with decimal commas"),
}
