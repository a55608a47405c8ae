"""What loads do by the clock."""

from backend.banking import tasks
from backend.common import jobs


def register_loads() -> None:
    """Called in `AppConfig.ready()`."""
    jobs.every(tasks.LOADS_S, tasks.resume_loads)
    jobs.every(tasks.LOADS_PRUNED_S, tasks.prune_loads)
