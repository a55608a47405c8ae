"""How soon the desk answers and how long chats take, from what each chat keeps of itself; computed in one statement.

A first response is the assigned agent's first message after the customer's first one; it counts on the day of the
question, for the agent who gave it. A resolution is from opening to the last closing, without the time the chat was
snoozed or closed in between; it counts on the day of the closing, for the agent who had the chat then, as does its
rating. A transfer counts for the agent who gave the chat away. Days are those of the time zone asked for.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from backend.common.errors import Forbidden
from backend.common.principal import SUPPORT_AGENT, Principal

DAYS_MAX = 92

_TIMES = """
WITH facts AS (
    SELECT (first_asked_at AT TIME ZONE %(zone)s)::date AS day, first_answered_by AS agent,
        extract(epoch FROM first_answered_at - first_asked_at)::float8 AS answered, NULL::float8 AS resolved,
        0 AS handed, NULL::int AS stars
    FROM support_chat
    WHERE first_asked_at >= %(since)s AND first_asked_at < %(until)s AND first_answered_at IS NOT NULL
    UNION ALL
    SELECT (c.closed_at AT TIME ZONE %(zone)s)::date, c.admin_id, NULL,
        greatest(extract(epoch FROM c.closed_at - c.created_at - c.away_for - c.snoozed_for), 0)::float8, 0, r.stars
    FROM support_chat c LEFT JOIN support_rating r ON r.chat_id = c.id
    WHERE c.closed_at >= %(since)s AND c.closed_at < %(until)s
    UNION ALL
    SELECT (at AT TIME ZONE %(zone)s)::date, from_agent, NULL, NULL, 1, NULL
    FROM support_handover WHERE at >= %(since)s AND at < %(until)s
)
SELECT day, agent, grouping(day) = 1 AS all_days, grouping(agent) = 1 AS all_agents,
    count(answered), percentile_cont(0.5) WITHIN GROUP (ORDER BY answered),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY answered),
    count(resolved), percentile_cont(0.5) WITHIN GROUP (ORDER BY resolved),
    percentile_cont(0.9) WITHIN GROUP (ORDER BY resolved),
    sum(handed), count(stars), avg(stars)::float8
FROM facts WHERE %(agent)s IS NULL OR agent = %(agent)s
GROUP BY GROUPING SETS ((day, agent), (day), (agent), ())
ORDER BY day NULLS FIRST, agent NULLS FIRST
"""


@dataclass(frozen=True, slots=True)
class Range:
    """Days, both included, of a time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        return datetime.combine(self.first, time(), self.zone)

    @property
    def until(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)


def times_of(*, actor: Principal, days: Range, agent_id: int | None) -> dict[str, Any]:
    """Return the times of all agents, or of one: in all, by agent, by day, and by both.

    A superuser sees everybody's, an agent their own. Raises: Forbidden.
    """
    if not actor.is_superuser:
        if not actor.has_role(SUPPORT_AGENT) or agent_id not in (None, actor.id):
            raise Forbidden
        agent_id = actor.id
    facts: dict[str, Any] = {"zone": days.zone.key, "since": days.since, "until": days.until, "agent": agent_id}
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, facts)
        rows = cursor.fetchall()
    found: dict[str, Any] = {"total": _shown(*[None] * 4, 0, None, None, 0, None, None, 0, 0, None)}
    found |= {"agents": [], "days": [], "agents_by_day": []}
    for row in rows:
        all_days, all_agents = row[2], row[3]
        if all_days and all_agents:
            found["total"] = _shown(*row)
        else:
            name = "agents" if all_days else "days" if all_agents else "agents_by_day"
            found[name].append(
                ({} if all_days else {"date": row[0]}) | ({} if all_agents else {"agent": row[1]}) | _shown(*row)
            )
    return found


def _shown(*row: Any) -> dict[str, Any]:
    answers, answer, answer_90, resolutions, resolution, resolution_90, handed, ratings, stars = row[4:]
    return {
        "first_responses": {"count": answers, "median_s": answer, "p90_s": answer_90},
        "resolutions": {"count": resolutions, "median_s": resolution, "p90_s": resolution_90},
        "transfers": handed or 0,
        "ratings": {"count": ratings, "average": stars},
    }
