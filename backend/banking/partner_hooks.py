"""What the partner door's part of banking hears, and what it does by the clock."""

from backend.banking import facts
from backend.banking.services.credit_lines import refuse_paused


def register_partner() -> None:
    """Called in `AppConfig.ready()`."""
    facts.loan_created.register(refuse_paused)
    facts.loan_activated.register(refuse_paused)
