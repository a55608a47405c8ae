"""The admin pages of banking. What money did is history; what people and banks do goes through the services."""

# They register themselves.
from backend.banking.admin import accounts, banks, customers, ledger, loans, partner, scores  # noqa: F401
