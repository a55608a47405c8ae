"""Partners' names for things: unique in a bank by the database's word, so that no race makes two."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError

from backend.banking.errors import ExternalIdTaken

_NAMES = {
    "banking_account_external_id_unique",
    "banking_loan_external_id_unique",
    "banking_payment_external_id_unique",
}


@contextmanager
def unique_names() -> Iterator[None]:
    """Say ExternalIdTaken where the database refuses a name. Entered around the unit of work, which has failed."""
    try:
        yield
    except IntegrityError as fault:
        diagnostics = getattr(fault.__cause__, "diag", None)
        if getattr(diagnostics, "constraint_name", None) in _NAMES:
            raise ExternalIdTaken from fault
        raise
