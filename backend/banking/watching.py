"""What `/metrics` tells of the books, and of what banking has still to do for others."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client.core import Metric

from backend.common.metrics import number, total

_STATE = """
SELECT (SELECT extract(epoch FROM now() - at) FROM banking_ledgerpatrol LIMIT 1),
    (SELECT rounds FROM banking_ledgerpatrol LIMIT 1),
    (SELECT count(*) FROM banking_hold WHERE state = 'pending'),
    (SELECT count(*) FROM banking_webhookdelivery WHERE state = 'pending' AND due_at < now())
"""


def tell() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        age, rounds, held, webhooks = cursor.fetchone()
    if age is not None:
        yield number(
            "ease_ledger_check_age_seconds", "Since the books were verified last, a stretch of them.", float(age)
        )
    yield total("ease_ledger_check_rounds", "How often all books have been verified by the clock.", rounds or 0)
    yield number("ease_holds_pending", "Money that is held until somebody decides.", held)
    yield number("ease_webhooks_due", "Webhooks that should have been sent by now.", webhooks)
