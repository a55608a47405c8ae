"""What the manager door's part of banking hears from other slices."""

from backend.banking.examples.manager import EXAMPLES
from backend.banking.services.customers import on_kyc_decided
from backend.banking.services.demo import load_demo
from backend.banking.services.persons import block_leaving, erase_banking, export_banking
from backend.common import examples, hooks


def register_manager() -> None:
    """Called in `AppConfig.ready()`."""
    examples.register(EXAMPLES)
    hooks.demo_loaded.register(load_demo)
    hooks.kyc_decided.register(on_kyc_decided)
    hooks.person_erased.register(erase_banking)
    hooks.person_exported.register(export_banking)
    hooks.person_leaving.register(block_leaving)
