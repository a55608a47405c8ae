"""What lending hears from the rest of the house, and has it call."""

from backend.banking import facts, lending_tasks
from backend.banking.examples.lending import EXAMPLES
from backend.banking.services import demo as bank_demo
from backend.banking.services.lending.demo import load_demo
from backend.banking.services.lending.giving_up import keep_repayments
from backend.banking.services.lending.persons import erase_lending, export_lending
from backend.common import examples, hooks, jobs


def register_lending() -> None:
    """Called in `AppConfig.ready()`."""
    examples.register(EXAMPLES)
    facts.payment_reversed.register(keep_repayments)
    hooks.demo_loaded.register(bank_demo.load_demo)  # The bank comes first, whichever part registers first.
    hooks.demo_loaded.register(load_demo)
    hooks.person_erased.register(erase_lending)
    hooks.person_exported.register(export_lending)
    jobs.every(lending_tasks.COLLECT_S, lending_tasks.collect_instalments)
