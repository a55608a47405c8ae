"""What the customer door's part of banking hears from other slices and the ledger, and does by the clock."""

from backend.banking import facts, tasks
from backend.banking.examples.people import EXAMPLES
from backend.banking.services.held_transfers import on_fraud_decided, on_hold_due
from backend.banking.services.movements import on_posting_made
from backend.banking.services.people_demo import load_people_demo
from backend.banking.services.sent import erase_transfers, export_transfers
from backend.common import examples, hooks, jobs


def register_people() -> None:
    """Called in `AppConfig.ready()`, behind the manager's part: the demo's bank is there before its customers."""
    examples.register(EXAMPLES)
    facts.hold_due.register(on_hold_due)
    facts.posting_made.register(on_posting_made)
    hooks.demo_loaded.register(load_people_demo)
    hooks.fraud_decided.register(on_fraud_decided)
    hooks.person_erased.register(erase_transfers)
    hooks.person_exported.register(export_transfers)
    jobs.every(tasks.SCHEDULES_S, tasks.run_schedules)
    jobs.every(tasks.STATEMENTS_S, tasks.tell_of_statements)
