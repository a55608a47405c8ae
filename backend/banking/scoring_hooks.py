"""What the loan model's part of banking hears from other slices, and what runs for it by the clock."""

from backend.banking import tasks
from backend.banking.examples.scoring import EXAMPLES
from backend.banking.services.score_people import erase_scores, export_scores
from backend.common import examples, hooks, jobs

RESUME_S = 60
PURGE_S = 24 * 3600


def register_scoring() -> None:
    """Called in `AppConfig.ready()`."""
    examples.register(EXAMPLES)
    hooks.person_erased.register(erase_scores)
    hooks.person_exported.register(export_scores)
    jobs.every(RESUME_S, tasks.resume_scoring)
    jobs.every(PURGE_S, tasks.purge_scoring)
