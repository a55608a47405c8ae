"""What a statement of a month is made of, read at the cost of that month.

An account's entries get their numbers in the order in which they changed it, since each is written under the account's
lock. So a month is a range of numbers: its borders are found by halving, in some forty look-ups of an index, and one
month's end is the next one's beginning, whatever clocks did meanwhile.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection

from backend.banking.models import Account, Entry
from backend.banking.selectors.people import ENTRY
from backend.common.keysets import Row

ZERO = Decimal("0.00")
CHUNK = 500
MONTHS_MAX = 120

# A number behind all entries before a moment, and behind no other: between `low` and `high`, halved until they meet.
_BORDER = """
WITH RECURSIVE half(low, high) AS (
    SELECT (SELECT id FROM banking_entry WHERE account_id = %(account)s ORDER BY id LIMIT 1),
        (SELECT id + 1 FROM banking_entry WHERE account_id = %(account)s ORDER BY id DESC LIMIT 1)
    UNION ALL
    SELECT CASE WHEN found.at < %(moment)s THEN found.id + 1 ELSE low END,
        CASE WHEN found.at < %(moment)s THEN high ELSE low + (high - low) / 2 END
    FROM half LEFT JOIN LATERAL (
        SELECT e.id, p.at FROM banking_entry e JOIN banking_posting p ON p.id = e.posting_id
        WHERE e.account_id = %(account)s AND e.id >= low + (high - low) / 2 AND e.id < high ORDER BY e.id LIMIT 1
    ) found ON true
    WHERE low < high
)
SELECT low FROM half WHERE low >= high LIMIT 1
"""


def border_at(account: Account, moment: datetime) -> int:
    """Return a number between the account's entries before a moment, which are below it, and the others."""
    with connection.cursor() as cursor:
        cursor.execute(_BORDER, {"account": account.pk, "moment": moment})
        found = cursor.fetchone()
    return int(found[0]) if found and found[0] is not None else 0


def balance_before(account: Account, entry_id: int) -> Decimal:
    """Return what was on the account before an entry."""
    before = Entry.objects.filter(account=account, id__lt=entry_id).order_by("-id")
    found = before.values_list("balance_after", flat=True).first()
    return ZERO if found is None else found


def entries_between(account: Account, first: int, behind: int) -> Iterator[Row]:
    """Read entries from a number on and up to before another, the oldest first, a piece at a time."""
    while True:
        rows = Entry.objects.filter(account=account, id__gte=first, id__lt=behind).order_by("id")
        piece = list(rows.values(*ENTRY)[:CHUNK])
        yield from piece
        if len(piece) < CHUNK:
            return
        first = piece[-1]["id"] + 1


def month_start(month: date, time_zone: str) -> datetime:
    """Return when a month begins in a zone, in UTC."""
    return datetime.combine(month, time(), ZoneInfo(time_zone)).astimezone(UTC)


def next_month(month: date) -> date:
    return month.replace(year=month.year + 1, month=1) if month.month == 12 else month.replace(month=month.month + 1)


def previous_month(month: date) -> date:
    return month.replace(year=month.year - 1, month=12) if month.month == 1 else month.replace(month=month.month - 1)


def month_at(moment: datetime, time_zone: str) -> date:
    """Return the first day of the month that it is then in a zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date().replace(day=1)


def months_of(opened_at: datetime, time_zone: str, now: datetime) -> list[date]:
    """Return the months of an account's statements, the newest first: from its first to the present, at most 120."""
    found: list[date] = []
    first, month = month_at(opened_at, time_zone), month_at(now, time_zone)
    while month >= first and len(found) < MONTHS_MAX:
        found.append(month)
        month = previous_month(month)
    return found
