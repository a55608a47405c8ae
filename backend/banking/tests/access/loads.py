"""Who may call the routes of loads: the key of their bank, and those who manage it."""

from backend.banking.tests.access.partner import bank_of
from backend.banking.tests.factories import make_load
from backend.tests.roles import Cases, signed_in

ACCESS: dict[str, Cases] = {
    "GET /api/tasks/{task_id}/": {"own": signed_in(200, api_key=200), "another": signed_in(404, api_key=404)},
}

MAKERS = {"task_id": lambda stage, owner, caller: make_load(bank_of(owner, caller)).pk}
