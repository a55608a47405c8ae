"""Jobs: what follows a decision, and what runs by the clock."""

from uuid import UUID

from celery import shared_task

from backend.common import jobs
from backend.fraud.services import dryruns, profiles, retention, watching


@shared_task(name="fraud.refresh_profile")
def refresh_profile(user_id: int) -> None:
    profiles.refresh_profile(user_id=user_id)


@shared_task(name="fraud.refresh_profiles")
def refresh_profiles() -> None:
    profiles.refresh_all()


@shared_task(name="fraud.escalate")
def escalate() -> None:
    watching.escalate()


@shared_task(name="fraud.step_dry_run")
def step_dry_run(dry_run_id: str) -> None:
    """Go one step, and have the next one taken by a job of its own: a bank's month is long."""
    if dryruns.step(dry_run_id=UUID(dry_run_id)):
        jobs.enqueue(step_dry_run, dry_run_id=dry_run_id)


@shared_task(name="fraud.resume_dry_runs")
def resume_dry_runs() -> None:
    for dry_run_id in dryruns.stalled():
        jobs.enqueue(step_dry_run, dry_run_id=str(dry_run_id))


@shared_task(name="fraud.prune")
def prune() -> None:
    retention.prune()
