"""What surrounds a transfer at the moment of deciding: read under the account's lock, so nothing changes meanwhile.

One statement for all of it. Sums are of what is posted or held; what was voided gave its money back.

Entries have no time of their own, so what came in is read backwards from the newest, some at a time, until they are
older than a day: however many came, all count, and an account on which little happens costs one step.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from backend.banking.models import Account
from backend.fraud import services as fraud
from backend.fraud.services import HISTORY_DAYS, HISTORY_MAX, RECENT_MAX, Facts, History, Whereabouts

# A banking day has 25 hours where clocks are turned back.
_DAY_H = 26
_AT_ONCE = 30
_PAST = f"""
WITH RECURSIVE newest AS (
    SELECT 9223372036854775807 AS oldest_id, %(now)s AS oldest_at, 0::numeric AS credits
    UNION ALL
    SELECT step.* FROM newest CROSS JOIN LATERAL (
        SELECT min(id), min(at),
            coalesce(sum(amount) FILTER (WHERE amount > 0 AND at >= %(now)s - interval '24 hours'), 0)
        FROM (
            SELECT e.id, e.amount, p.at FROM banking_entry e JOIN banking_posting p ON p.id = e.posting_id
            WHERE e.account_id = %(source)s AND e.id < newest.oldest_id ORDER BY e.id DESC LIMIT {_AT_ONCE}
        ) batch
    ) step
    WHERE newest.oldest_at >= %(now)s - interval '24 hours'
)
SELECT r.*, h.*,
    (SELECT count(*) FROM banking_transfer
        WHERE source_id = %(source)s AND target_id = %(target)s AND state = 'posted'),
    (SELECT max(created_at) FROM banking_transfer WHERE source_id = %(source)s AND state IN ('posted', 'held')),
    (SELECT sum(credits) FROM newest)
FROM (
    SELECT coalesce(sum(amount) FILTER (WHERE booked_on = %(day)s), 0) AS sent_today,
        coalesce(sum(amount) FILTER (WHERE booked_on = %(day)s AND NOT is_own AND NOT is_confirmed), 0) AS unconfirmed,
        count(*) FILTER (WHERE created_at >= %(now)s - interval '1 hour') AS count_1h,
        coalesce(sum(amount) FILTER (WHERE created_at >= %(now)s - interval '1 hour'), 0) AS sum_1h,
        count(*) FILTER (WHERE created_at >= %(now)s - interval '24 hours') AS count_24h,
        coalesce(sum(amount) FILTER (WHERE created_at >= %(now)s - interval '24 hours'), 0) AS sum_24h,
        coalesce((array_agg(amount ORDER BY created_at DESC)
            FILTER (WHERE created_at >= %(now)s - interval '24 hours'))[:{RECENT_MAX}], '{{}}') AS amounts_24h
    FROM banking_transfer
    WHERE source_id = %(source)s AND state IN ('posted', 'held')
        AND created_at >= %(now)s - interval '{_DAY_H} hours'
) r CROSS JOIN (
    SELECT coalesce(array_agg(amount), '{{}}') AS past_amounts, coalesce(array_agg(created_at), '{{}}') AS past_times
    FROM (
        SELECT amount, created_at FROM banking_transfer
        WHERE source_id = %(source)s AND state = 'posted' AND created_at >= %(now)s - interval '{HISTORY_DAYS} days'
        ORDER BY created_at DESC LIMIT {HISTORY_MAX}
    ) posted
) h"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Past:
    """The source account's earlier transfers, and what came in. `unconfirmed` went to others today, without a step-up
    token."""

    sent_today: Decimal
    unconfirmed: Decimal
    count_1h: int
    sum_1h: Decimal
    count_24h: int
    sum_24h: Decimal
    amounts_24h: list[Decimal]
    past_amounts: list[Decimal]
    past_times: list[datetime]
    payee_count: int
    last_sent_at: datetime | None
    received_24h: Decimal


def past_of(source: Account, target: Account, *, now: datetime, day: date) -> Past:
    """Return what is known of a locked account that is about to send; `day` is its bank's. One query."""
    values: dict[str, Any] = {"source": source.pk, "target": target.pk, "now": now, "day": day}
    with connection.cursor() as cursor:
        cursor.execute(_PAST, values)
        return Past(*cursor.fetchone())


def facts_of(
    past: Past, *, source: Account, target: Account, amount: Decimal, now: datetime, where: Whereabouts | None
) -> Facts:
    """Return what fraud judges by. `where` is how the person is signed in; None when nobody pressed a button."""
    user_id = source.customer.user_id
    zone = source.bank.time_zone
    return fraud.Facts(
        at=now,
        time_zone=zone,
        user_id=user_id,
        account_id=str(source.pk),
        account_number=source.account_number,
        opened_at=source.created_at,
        currency=source.currency,
        amount=amount,
        payee=str(target.pk),
        payee_count=past.payee_count,
        payee_is_own=target.customer.user_id == user_id,
        sent_today=past.sent_today,
        count_1h=past.count_1h,
        sum_1h=past.sum_1h,
        count_24h=past.count_24h,
        sum_24h=past.sum_24h,
        amounts_24h=tuple(past.amounts_24h),
        history=History.of(zip(past.past_amounts, past.past_times, strict=True), time_zone=zone),
        received_24h=past.received_24h,
        last_sent_at=past.last_sent_at,
        is_attended=where is not None,
        device_since=where.device_since if where else None,
        address_since=where.address_since if where else None,
    )
