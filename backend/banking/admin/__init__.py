"""The admin pages of banking. What money did is history; what people and banks do goes through the services."""

from backend.banking.admin import accounts, banks, customers, ledger, loans, scores  # noqa: F401 - they register
