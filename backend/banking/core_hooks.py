"""What the ledger has the rest of the house call."""

from collections.abc import Sequence

from backend.banking import tasks, watching
from backend.banking.verification import verify
from backend.common import backups, jobs, metrics

SHOWN = 20


def register_core() -> None:
    metrics.asked("ledger", watching.tell)
    backups.prove_by("books", _prove)
    jobs.every(tasks.HOLDS_S, tasks.expire_holds)
    jobs.every(tasks.PATROL_S, tasks.patrol_ledger)


def _prove() -> tuple[Sequence[str], str]:
    report = verify()
    words = f"{report.postings} postings, {report.accounts} accounts in {report.seconds:.1f} s"
    return [str(finding) for finding in report.findings[:SHOWN]], words
