"""What `/metrics` tells of the trail: what waits for its seal, and when it was looked at last."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client.core import Metric

from backend.common.metrics import number, total

COUNTED_MAX = 100_000  # a number for people; more is as bad
_STATE = """
SELECT (SELECT count(*) FROM (SELECT FROM audit_pending LIMIT %s) AS waiting),
    (SELECT extract(epoch FROM now() - l.at) FROM audit_pending p JOIN audit_log l ON l.id = p.row_id
        ORDER BY p.row_id LIMIT 1),
    (SELECT extract(epoch FROM now() - at) FROM audit_patrol LIMIT 1),
    (SELECT rounds FROM audit_patrol LIMIT 1),
    (SELECT count(*) FROM audit_securityevent WHERE event_type = 'DATA_CORRUPTION' AND NOT resolved)
"""


def tell() -> Iterator[Metric]:
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [COUNTED_MAX])
        waiting, oldest, age, rounds, broken = cursor.fetchone()
    yield number("ease_audit_unsealed", "Rows of the trail that wait for their seal.", waiting)
    yield number("ease_audit_unsealed_seconds", "How long the oldest of them has waited.", float(oldest or 0))
    if age is not None:
        yield number("ease_audit_check_age_seconds", "Since the trail was verified last, a stretch of it.", float(age))
    yield total("ease_audit_check_rounds", "How often all of the trail has been verified by the clock.", rounds or 0)
    yield number("ease_corruption_open", "Security events DATA_CORRUPTION that nobody has resolved.", broken)
