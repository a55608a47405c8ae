"""`python -m bench.fraud_work past|assess N`: what fraud's figures need done with Django. Prints JSON."""

import json
import sys
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import django

django.setup()

from django.db import connection  # noqa: E402

from backend.common.principal import CUSTOMER  # noqa: E402
from backend.common.unit_of_work import unit_of_work  # noqa: E402
from backend.fraud import services as fraud  # noqa: E402
from backend.fraud.facts import Facts, History  # noqa: E402
from backend.fraud.services.replaying import replay  # noqa: E402
from bench.seed import people  # noqa: E402

NOW = datetime.now(UTC)
USUAL = Facts(
    at=NOW,
    user_id=None,
    account_id="account",
    account_number="1000000001",
    opened_at=NOW.replace(year=NOW.year - 2),
    currency="USD",
    amount=Decimal("42.00"),
    payee="payee",
    payee_count=3,
    history=History(count=100, median=Decimal("45.00"), mad=Decimal("12.00"), hours=(4,) * 24),
    amounts_24h=(Decimal("41.00"),) * 8,
    last_sent_at=NOW,
    device_since=NOW.replace(year=NOW.year - 1),
    address_since=NOW.replace(year=NOW.year - 1),
)


def past(count: int) -> dict[str, object]:
    """Store so many verdicts of a year, without their inputs: they would only fill the disk."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO fraud_assessment (at, subject_kind, subject_id, account_id, account_number, currency, amount,
                   rule_set_id, engine, score, is_alert, is_held, inputs, verdict)
               SELECT now() - make_interval(secs => n * 31), 'transfer', gen_random_uuid(), n %% 10000, n %% 10000,
                   'USD', 42, (SELECT id FROM fraud_ruleset WHERE version = 1), 1, 0, false, false, '', ''
               FROM generate_series(%s, 1, -1) n""",
            [count],
        )
        cursor.execute("ANALYZE fraud_assessment")
    return {"count": count}


def assess(count: int) -> dict[str, object]:
    """Assess ordinary transfers, each in a transaction of its own; return the seconds of each, and the CPU of all."""
    (person,) = people(1, CUSTOMER)
    given = replace(USUAL, user_id=person.pk)
    took = []
    for number in range(-50, count):
        if number == 0:
            took.clear()
            cpu = time.process_time()
        with unit_of_work():
            since = time.perf_counter()
            fraud.assess(facts=given, subject_kind="transfer", subject_id=str(uuid.uuid4()))
            took.append(time.perf_counter() - since)
    cpu = time.process_time() - cpu
    again = time.perf_counter()
    replayed = replay(count=min(count, 1000))
    return {
        "seconds": took,
        "cpu_us": cpu / count * 1e6,
        "replayed": replayed.seen,
        "differing": len(replayed.differing),
        "replay_seconds": time.perf_counter() - again,
    }


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    done = {"past": past, "assess": assess}[name](*map(int, numbers))
    print(json.dumps(done))
