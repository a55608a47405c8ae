"""What the partner door's part of banking hears, and what it does by the clock."""

from backend.banking import facts, tasks
from backend.banking.examples.partner import EXAMPLES
from backend.banking.services.credit_lines import refuse_paused
from backend.banking.services.webhooks import outbox
from backend.common import examples, hooks, jobs


def register_partner() -> None:
    """Called in `AppConfig.ready()`."""
    examples.register(EXAMPLES)
    facts.loan_activated.register(outbox.hear_loan_activated)
    facts.loan_activated.register(refuse_paused)
    facts.loan_created.register(refuse_paused)
    facts.loan_paid.register(outbox.hear_loan_paid)
    facts.payment_completed.register(outbox.hear_payment_completed)
    facts.payment_rejected.register(outbox.hear_payment_rejected)
    hooks.person_erased.register(outbox.erase_messages)
    hooks.person_exported.register(outbox.export_messages)
    jobs.every(tasks.WEBHOOKS_S, tasks.deliver_webhooks)
    jobs.every(tasks.WEBHOOKS_PRUNED_S, tasks.prune_webhooks)
