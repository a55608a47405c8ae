"""The admin pages of banking. What money did is history; what people and banks do goes through the services."""

# They register themselves.
from backend.banking.admin import (  # noqa: F401
    accounts,
    banks,
    customers,
    ledger,
    lending,
    loads,
    loans,
    partner,
    scores,
    transfers,
)
