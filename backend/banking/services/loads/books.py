"""A bank's existing book into the tables: per line a customer, their registration, an account and a loan.

Copied straight into the constrained tables, without a staging table between: each cell has been checked as the
database would, so a batch that it refuses all the same is rare, and is halved until the line is found (ADR 0011).
Loans that have ended are on record: the ledger never hears of them.
"""

import io
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import DatabaseError, connection, transaction

from backend.banking.loads.book import LINE_MAX, BookRow, Layout, read
from backend.banking.loads.cells import NULL
from backend.banking.loads.lines import BadLine, Lines
from backend.banking.loads.persons import Persons
from backend.banking.models import AccountStatus, Door, Load, LoanState, LoanStatus
from backend.common.database import gave_way, is_connection_trouble

COPIED_AT_ONCE = 5_000
# State of the loan, and whether it is on record, by the status in the file.
LIVES = {
    LoanStatus.FULLY_PAID.value: (LoanState.PAID.value, "t"),
    LoanStatus.CHARGED_OFF.value: (LoanState.CHARGED_OFF.value, "t"),
    NULL: (LoanState.PENDING.value, "f"),
}

# By table, in the order in which rows refer to each other.
COPY = {
    "customer": f"""COPY banking_customer (customer_id, {", ".join(Persons.COLUMNS)}, credit_score, annual_income,
        years_in_current_job, home_ownership, years_of_credit_history, number_of_open_accounts,
        number_of_credit_problems, bankruptcies, tax_liens, created_at) FROM STDIN""",
    "registration": "COPY banking_registration (bank_id, customer_id, registered_at) FROM STDIN",
    "account": """COPY banking_account (account_id, bank_id, customer_id, account_number, currency, status,
        date_opened, monthly_debt, current_credit_balance, maximum_open_credit, months_since_last_delinquent,
        created_at, updated_at) FROM STDIN""",
    "loan": """COPY banking_loan (loan_id, account_id, bank_id, door, currency, contract_version, created_at,
        updated_at, recorded, state, loan_status, current_loan_amount, outstanding, term, purpose) FROM STDIN""",
}


class BookKind:
    """The lines of a bank's CSV (loads/book.py)."""

    longest = LINE_MAX
    at_once = COPIED_AT_ONCE

    def __init__(self, load: Load) -> None:
        self._layout = Layout(**load.options["layout"])
        self._persons = Persons(bytes.fromhex(load.sha256), load.created_at.astimezone(UTC).date())
        self._bank = load.bank_id.hex
        self._currency = load.bank.currency

    def outcomes(self, lines: Lines) -> Iterator[Any]:
        return read(lines, self._layout)

    def store(self, good: Sequence[BookRow]) -> list[BadLine]:
        if not good:
            return []
        try:
            with transaction.atomic():
                self._copy(good)
        except DatabaseError as fault:
            if is_connection_trouble(fault) or gave_way(fault):
                raise
            if len(good) == 1:
                return [BadLine(good[0].line, f"the database refuses it: {_said(fault)}")]
            half = len(good) // 2
            return self.store(good[:half]) + self.store(good[half:])
        return []

    def _copy(self, rows: Sequence[BookRow]) -> None:
        with connection.cursor() as cursor:
            for table, text in self.written(rows).items():
                with connection.wrap_database_errors:  # Django leaves COPY's faults as they are.
                    cursor.copy_expert(COPY[table], io.BytesIO(text.encode()), 1 << 16)

    def written(self, rows: Sequence[BookRow]) -> dict[str, str]:
        """Return the rows as COPY reads them, by table, in the order in which they are stored."""
        customers, registrations, accounts, loans = [], [], [], []
        bank, currency, now = self._bank, self._currency, datetime.now(UTC).isoformat()
        ids = os.urandom(64 * len(rows)).hex()
        for at, (line, customer, account, amount, term, purpose, status) in enumerate(rows):
            of_row = ids[128 * at : 128 * at + 128]
            customer_id, account_id, loan_id = _uuid(of_row[:32]), _uuid(of_row[32:64]), _uuid(of_row[64:96])
            person, opened_on, is_active = self._persons.of(line)
            state, recorded = LIVES[status]
            customers.append(f"{customer_id}\t{person}\t{customer}\t{now}\n")
            registrations.append(f"{bank}\t{customer_id}\t{now}\n")
            accounts.append(
                f"{account_id}\t{bank}\t{customer_id}\t{_uuid(of_row[96:])}\t{currency}\t"
                f"{_OPEN if is_active else _FROZEN}\t{opened_on}\t{account}\t{now}\t{now}\n"
            )
            loans.append(
                f"{loan_id}\t{account_id}\t{bank}\t{_DOOR}\t{currency}\t\t{now}\t{now}\t{recorded}\t{state}\t{status}"
                f"\t{amount}\t{'0' if recorded == 't' else amount}\t{term}\t{purpose}\n"
            )
        texts = ("".join(lines) for lines in (customers, registrations, accounts, loans))
        return dict(zip(COPY, texts, strict=True))


_OPEN, _FROZEN, _DOOR = AccountStatus.OPEN.value, AccountStatus.FROZEN.value, Door.MANAGER.value


def _uuid(random: str) -> str:
    """Return a UUID of version 4 from 32 random digits: `uuid.uuid4` takes ten times as long, four times a row."""
    return f"{random[:8]}-{random[8:12]}-4{random[13:16]}-a{random[17:20]}-{random[20:]}"


def _said(fault: DatabaseError) -> str:
    diag = getattr(fault.__cause__, "diag", None)
    return str(getattr(diag, "constraint_name", None) or getattr(diag, "message_primary", None) or "unknown")[:200]
