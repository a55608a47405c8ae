"""What the ledger has the rest of the house call."""

from backend.banking import tasks
from backend.common import jobs


def register_core() -> None:
    jobs.every(tasks.HOLDS_S, tasks.expire_holds)
    jobs.every(tasks.PATROL_S, tasks.patrol_ledger)
