"""What the ledger has the rest of the house call."""

from backend.banking import tasks, watching
from backend.common import jobs, metrics


def register_core() -> None:
    metrics.asked("ledger", watching.tell)
    jobs.every(tasks.HOLDS_S, tasks.expire_holds)
    jobs.every(tasks.PATROL_S, tasks.patrol_ledger)
