"""The admin pages of banking. What money did is history; what people and banks do goes through the services."""

from backend.banking.admin import accounts, banks, customers, ledger, lending, loans  # noqa: F401 - they register themselves
