"""`python -m bench.fraud_seed PEOPLE ROUNDS`: people with money in a ring, each of whom has sent some to the next one
so often within a year; and an auditor. Printed as JSON with tokens.

PEOPLE x ROUNDS past transfers with their postings and entries, written by SQL, foreign keys and sums unchecked: what is
measured is judging the next one. The balances come out right.
"""

import json
import sys
import uuid
from decimal import Decimal

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from backend.banking.models import Bank  # noqa: E402
from backend.common.principal import AUDITOR  # noqa: E402
from bench.seed import people, token_of, unchecked  # noqa: E402
from bench.transfers_seed import accounts  # noqa: E402

MONEY = Decimal("100000.00")
NO_LIMIT = Decimal("9999999.00")
DAYS = 364
# Ids rise with time: a million at random places of their index take minutes, and nothing here looks for one.
# The newest are a day old, so that what is measured is not one of many within an hour.
_RING = """
CREATE TEMP TABLE ring AS
SELECT n, account_id AS source, lead(account_id, 1, first) OVER (ORDER BY n) AS target, n = last AS closes
FROM (SELECT row_number() OVER w - 1 AS n, account_id, first_value(account_id) OVER w AS first,
        count(*) OVER () - 1 AS last
    FROM banking_account WHERE bank_id = %(bank)s WINDOW w AS (ORDER BY account_id)) numbered
"""
_ROUNDS = """
WITH sent AS (
    SELECT nextval('banking_posting_id_seq') AS posting, r, n, source, target, closes, 20 + r %% 40 AS amount,
        now() - interval '25 hours' - (%(rounds)s - 1 - r) * (interval '1 day' * {days} / %(rounds)s)
            + n * interval '1 millisecond' AS at
    FROM (SELECT r, ring.* FROM generate_series(%(first)s, %(last)s) r CROSS JOIN ring ORDER BY r, n) ordered
), posted AS (
    INSERT INTO banking_posting (id, bank_id, kind, booked_on, at, memo, xid)
    SELECT posting, %(bank)s, 'transfer', at::date, at, 'past', 0 FROM sent
), entered AS (
    INSERT INTO banking_entry (posting_id, bank_id, account_id, amount, currency, balance_after)
    SELECT posting, %(bank)s, account, moved, 'USD', {money} + after
    FROM sent CROSS JOIN LATERAL (VALUES
        (1, source, -amount, CASE WHEN n = 0 THEN -amount ELSE 0 END),
        (2, target, amount, CASE WHEN closes THEN 0 ELSE amount END)) side(place, account, moved, after)
    ORDER BY posting, place
)
INSERT INTO banking_transfer (id, source_id, target_id, amount, currency, payee_name, memo, state, reason, booked_on,
    is_own, is_confirmed, posting_id, created_at, decided_at)
SELECT lpad(to_hex(posting), 32, '0')::uuid,
    source, target, amount, 'USD', '', '', 'posted', '', at::date, false, false, posting, at, at
FROM sent
"""
ROUNDS_AT_ONCE = 20
CHECKS = (("banking_posting", "banking_posting_balances"), ("banking_entry", "banking_entry_belongs"))


def main(count: int, rounds: int) -> None:
    call_command("migrate", verbosity=0)
    limits = {"transfer_max": NO_LIMIT, "transfer_day_max": NO_LIMIT, "step_up_from": NO_LIMIT}
    bank = Bank.objects.create(bank_name="Bench, a year old", **limits)
    made = accounts(bank, count, "year-{}", MONEY)
    _past(bank.pk, rounds)
    by_id = sorted(made, key=lambda account: account.pk)
    found = [
        {"token": token_of(account.customer.user), "source": str(account.pk), "payee": by_id[place].account_number}
        for place, account in enumerate(by_id, 1 - len(by_id))
        if account.customer.user is not None
    ]
    auditor = token_of(people(1, AUDITOR)[0])
    json.dump({"bank": str(bank.pk), "people": found, "auditor": auditor, "past": count * rounds}, sys.stdout)


def _past(bank: uuid.UUID, rounds: int) -> None:
    statement = _ROUNDS.format(days=DAYS, money=MONEY)
    with connection.cursor() as cursor:
        cursor.execute(_RING, {"bank": bank})
        with unchecked(cursor, "banking_posting", "banking_entry", "banking_transfer"):
            for table, check in CHECKS:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {check}")
            for first in range(0, rounds, ROUNDS_AT_ONCE):
                last = min(first + ROUNDS_AT_ONCE, rounds) - 1
                with transaction.atomic():
                    cursor.execute(statement, {"bank": bank, "rounds": rounds, "first": first, "last": last})
            for table, check in CHECKS:
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {check}")
        cursor.execute("VACUUM ANALYZE banking_posting, banking_entry, banking_transfer")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
