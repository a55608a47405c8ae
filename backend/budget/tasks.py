"""Jobs of budgets. Each takes ids, reads again, and may run twice."""

import uuid

from celery import shared_task

from backend.budget.services import entries, imports, loading


@shared_task(name="budget.check_import")
def check_import(import_id: str, run: int) -> None:
    loading.check(uuid.UUID(import_id), run)


@shared_task(name="budget.load_import")
def load_import(import_id: str, run: int) -> None:
    loading.load(uuid.UUID(import_id), run)


@shared_task(name="budget.resume_imports")
def resume_imports() -> int:
    return imports.resume_stuck()


@shared_task(name="budget.purge")
def purge() -> int:
    """Remove what was deleted, and what was imported, over 30 days ago."""
    return entries.purge_deleted() + imports.purge_old()
