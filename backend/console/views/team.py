"""The team: who has how much to do now, and how soon the desk answered, day by day (support/times.py)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_date

from backend.console.pages import Page
from backend.identity.models import User
from backend.support import selectors, times

DAYS = 14
EARLIEST = date(2000, 1, 1)


class Team(Page):
    place = "team"

    def get(self, request: HttpRequest) -> HttpResponse:
        now = datetime.now(UTC)
        days = _range(request, now)
        found = times.times_of(actor=self.principal, days=days, agent_id=None)
        ids = [row["agent"] for row in found["agents"] if row["agent"] is not None]
        people = User.objects.in_bulk(ids)
        slowest = max((row["first_responses"]["median_s"] or 0 for row in found["days"]), default=0)
        return self.show(
            "team.html",
            loads=selectors.loads(actor=self.principal, now=now),
            waiting=selectors.count_waiting(),
            total=found["total"],
            agents=[(people.get(row["agent"]), row) for row in found["agents"]],
            days=found["days"],
            slowest=slowest,
            first=days.first,
            last=days.last,
            zone=days.zone.key,
        )


def _range(request: HttpRequest, now: datetime) -> times.Range:
    """Return the days that are asked for, in the reader's zone; what makes no sense is the last two weeks."""
    try:
        zone = ZoneInfo(request.GET.get("tz", "UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    today = now.astimezone(zone).date()
    try:
        first, last = parse_date(request.GET.get("from", "")), parse_date(request.GET.get("to", ""))
    except ValueError:
        first = last = None
    last = min(last or today, today)
    last = max(last, EARLIEST)
    first = first or last - timedelta(days=DAYS - 1)
    if not last - timedelta(days=times.DAYS_MAX - 1) <= first <= last:
        first = last - timedelta(days=DAYS - 1)
    return times.Range(first, last, zone)
