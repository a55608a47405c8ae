"""What the clock does for loads: parts that nobody works on are taken up, old reports are forgotten."""

from datetime import UTC, datetime, timedelta

from backend.banking import tasks
from backend.banking.models import UNDER_WAY, LoadLine, LoadPart
from backend.common import jobs

STUCK_AFTER = timedelta(seconds=60)
REPORTS_KEPT = timedelta(days=30)
AT_ONCE = 100
FORGOTTEN_AT_ONCE = 5_000


def resume_stuck() -> int:
    """Have every part of a stored file taken up that has not moved for a minute; return how many.

    A job that is still at it keeps its claim, so the new one goes at once. Files that a command reads itself wait for
    that command.
    """
    late = datetime.now(UTC) - STUCK_AFTER
    stuck = LoadPart.objects.filter(is_done=False, touched_at__lt=late, owner__state__in=UNDER_WAY)
    ids = list(stuck.filter(owner__file__isnull=False).order_by("touched_at").values_list("pk", flat=True)[:AT_ONCE])
    for pk in ids:
        jobs.enqueue(tasks.load_part, part_id=pk)
    return len(ids)


def prune() -> int:
    """Forget bad lines after 30 days, in steps; return how many. That a file was loaded stays known."""
    old = datetime.now(UTC) - REPORTS_KEPT
    total = 0
    while True:
        found = LoadLine.objects.filter(owner__finished_at__lt=old).values("pk")[:FORGOTTEN_AT_ONCE]
        gone, _ = LoadLine.objects.filter(pk__in=found).delete()
        total += gone
        if gone < FORGOTTEN_AT_ONCE:
            return total
