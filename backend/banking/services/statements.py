"""A month of an account, to keep or to print: as JSON, as a table for spreadsheets, as a PDF.

What it adds up to is what the ledger says: the opening balance and every line make the closing balance, and that is the
next month's opening one.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import IO, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from backend.banking.errors import AccountUnknown, StatementTooLong, StatementUnknown
from backend.banking.models import Account
from backend.banking.selectors import people
from backend.banking.selectors import statements as selectors
from backend.common import drawing
from backend.common.keysets import Row
from backend.common.principal import Principal

PDF_LINES_MAX = 5_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
CSV_HEADER = ("date", "time_utc", "what", "counterparty", "account", "memo", "amount", "balance", "currency")
WORDS = {
    "opening": "Opening",
    "deposit": "Deposit",
    "withdrawal": "Withdrawal",
    "transfer": "Transfer",
    "loan_activation": "Loan paid out",
    "payment": "Loan payment",
    "interest": "Interest",
    "charge_off": "Charge-off",
    "reversal": "Correction",
}


@dataclass(frozen=True, slots=True)
class Line:
    """What moved: above zero in, below out. The counterparty is whom a transfer went to or came from."""

    entry_id: int
    at: datetime
    day: date
    what: str
    amount: Decimal
    balance: Decimal
    counterparty: str
    counterparty_account: str
    memo: str
    transfer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Statement:
    """A month as of `made_at`; `is_final` once the month is over. `first` and `behind` bound its entries' numbers."""

    account: Account
    month: date
    opening: Decimal
    closing: Decimal
    first: int
    behind: int
    made_at: datetime
    is_final: bool

    def lines(self) -> Iterator[Line]:
        """Read the lines, the oldest first, a piece at a time."""
        zone = ZoneInfo(self.account.bank.time_zone)
        for row in selectors.entries_between(self.account, self.first, self.behind):
            yield line_of(row, self.account.pk, zone)


def line_of(row: Row, account_id: UUID, zone: ZoneInfo) -> Line:
    """Return an entry of an account as its holder reads it."""
    at = row["posting__at"]
    name, number = counterparty_of(row, account_id)
    return Line(
        entry_id=row["id"],
        at=at,
        day=at.astimezone(zone).date(),
        what=row["posting__kind"],
        amount=row["amount"],
        balance=row["balance_after"],
        counterparty=name,
        counterparty_account=number,
        memo=row["posting__transfer__memo"] or "",
        transfer_id=row["posting__transfer__id"],
    )


def counterparty_of(row: Row, account_id: UUID) -> tuple[str, str]:
    """Return who is on the other side of a transfer, and the account there: the payee as the sender called them, the
    sender as the bank knows them."""
    if row["posting__transfer__id"] is None:
        return "", ""
    if row["posting__transfer__source_id"] == account_id:
        return row["posting__transfer__payee_name"], row["posting__transfer__target__account_number"]
    names = (row[f"posting__transfer__source__customer__{part}_name"] or "" for part in ("first", "last"))
    return " ".join(names).strip(), row["posting__transfer__source__account_number"]


def list_months(*, actor: Principal, account_id: UUID | None, each_max: int) -> list[dict[str, Any]]:
    """Return the months of the actor's accounts, or of one of them, the newest first. Raises: AccountUnknown."""
    now = datetime.now(UTC)
    found = people.list_accounts(actor=actor)
    if account_id is not None:
        found = [row for row in found if row["account_id"] == account_id]
        if not found:
            raise AccountUnknown
    months = [
        {
            "account_id": row["account_id"],
            "account_number": row["account_number"],
            "bank_name": row["bank__bank_name"],
            "month": f"{month:%Y-%m}",
            "is_final": month < selectors.month_at(now, row["bank__time_zone"]),
        }
        for row in found
        for month in selectors.months_of(row["created_at"], row["bank__time_zone"], now)[:each_max]
    ]
    return sorted(months, key=lambda row: str(row["month"]), reverse=True)


def make_statement(*, actor: Principal, account_id: UUID, month: date) -> Statement:
    """Return the statement of a month of an account of the actor's; of the present month as far as it has come.

    Raises: StatementUnknown.
    """
    try:
        account = people.get_account(actor=actor, account_id=account_id)
    except AccountUnknown:
        raise StatementUnknown from None
    return statement_of(account, month)


def statement_of(account: Account, month: date) -> Statement:
    """Return the statement of a month of an account that the caller may read. Raises: StatementUnknown."""
    now = datetime.now(UTC)
    zone = account.bank.time_zone
    present = selectors.month_at(now, zone)
    if not selectors.month_at(account.created_at, zone) <= month <= present:
        raise StatementUnknown
    first = selectors.border_at(account, selectors.month_start(month, zone))
    behind = selectors.border_at(account, selectors.month_start(selectors.next_month(month), zone))
    return Statement(
        account=account,
        month=month,
        opening=selectors.balance_before(account, first),
        closing=selectors.balance_before(account, behind),
        first=first,
        behind=behind,
        made_at=now,
        is_final=month < present,
    )


def as_json(statement: Statement) -> Iterator[bytes]:
    """Return the statement as JSON, a piece at a time."""
    yield orjson.dumps(head_of(statement), option=orjson.OPT_UTC_Z)[:-1] + b',"lines":['
    comma = b""
    for line in statement.lines():
        yield comma + orjson.dumps(line_fields(line), option=orjson.OPT_UTC_Z)
        comma = b","
    yield b"]}"


def head_of(statement: Statement) -> dict[str, Any]:
    account = statement.account
    return {
        "account_id": account.pk,
        "account_number": account.account_number,
        "bank_name": account.bank.bank_name,
        "holder": account.customer.name,
        "month": f"{statement.month:%Y-%m}",
        "time_zone": account.bank.time_zone,
        "currency": account.currency,
        "opening_balance": str(statement.opening),
        "closing_balance": str(statement.closing),
        "is_final": statement.is_final,
        "made_at": statement.made_at,
    }


def line_fields(line: Line) -> dict[str, Any]:
    return {
        "entry_id": line.entry_id,
        "date": line.day,
        "timestamp": line.at,
        "what": line.what,
        "amount": str(line.amount),
        "balance": str(line.balance),
        "counterparty": line.counterparty,
        "counterparty_account": line.counterparty_account,
        "memo": line.memo,
        "transfer_id": line.transfer_id,
    }


def as_csv(statement: Statement) -> Iterator[bytes]:
    """Return the statement as a table, a piece at a time: its first row is the opening balance, its last the closing.

    A cell that a spreadsheet would take for a formula gets an apostrophe in front; amounts are numbers.
    """
    currency = statement.account.currency
    start, end = statement.month, selectors.next_month(statement.month)
    yield _csv(CSV_HEADER)
    yield _csv((start, "", "Opening balance", "", "", "", "", statement.opening, currency))
    for line in statement.lines():
        texts = [_text(part) for part in (line.counterparty, line.counterparty_account, line.memo)]
        clock = f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        yield _csv((line.day, clock, WORDS[line.what], *texts, line.amount, line.balance, currency))
    today = statement.made_at.astimezone(ZoneInfo(statement.account.bank.time_zone)).date()
    shown = end - timedelta(days=1) if statement.is_final else today
    yield _csv((shown, "", "Closing balance", "", "", "", "", statement.closing, currency))


def as_pdf(statement: Statement) -> IO[bytes]:
    """Draw a PDF in a process of its own and return it as a file, at its beginning.

    Raises: StatementTooLong; Unavailable, when too many are being drawn or this one takes too long.
    """
    return drawing.draw("backend.banking.statement_pdf", _script(statement))


def _script(statement: Statement) -> Iterator[dict[str, Any]]:
    """Say what `statement_pdf` draws. Raises: StatementTooLong."""
    account, zone = statement.account, ZoneInfo(statement.account.bank.time_zone)
    state = "" if statement.is_final else f", as of {statement.made_at.astimezone(zone):%Y-%m-%d %H:%M} {zone}"
    yield {
        "title": f"Statement {statement.month:%B %Y}{state}",
        "about": [
            account.bank.bank_name,
            f"Account {account.account_number}, in {account.currency}",
            account.customer.name,
        ],
        "opening": str(statement.opening),
        "closing": str(statement.closing),
        "made_at": statement.made_at.isoformat(),
    }
    for count, line in enumerate(statement.lines(), 1):
        if count > PDF_LINES_MAX:
            raise StatementTooLong
        words = " · ".join(
            part for part in (WORDS[line.what], line.counterparty, line.counterparty_account, line.memo) if part
        )
        yield {"day": str(line.day), "words": words, "amount": str(line.amount), "balance": str(line.balance)}


def _csv(row: tuple[Any, ...]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(row)
    return buffer.getvalue().encode()


def _text(value: str) -> str:
    return f"'{value}" if value.lstrip("'").startswith(FORMULA_STARTS) else value
