"""Jobs of the parts that all slices share."""

from celery import shared_task

from backend.common import vault


@shared_task
def remove_files(ids: list[str]) -> None:
    """Remove the bytes of destroyed files from the storage."""
    vault.remove_bytes(ids)


@shared_task
def sweep_files() -> None:
    vault.sweep()
