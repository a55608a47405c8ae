"""What the ledger has the rest of the house call."""

from collections.abc import Sequence

from backend.banking import checkups, tasks, watching
from backend.banking.verification import verify
from backend.common import backups, jobs, metrics
from backend.common.checkups import VERSIONS, examine, uses_key

SHOWN = 20


def register_core() -> None:
    metrics.asked("ledger", watching.tell)
    backups.prove_by("books", _prove)
    examine("books", checkups.books)
    examine("partners' keys", checkups.partner_keys)
    for column in ("sealed_secret", "sealed_old_secret"):
        uses_key("ENCRYPTION_KEY_WEBHOOKS", VERSIONS.format(column, "banking_webhookendpoint"))
    jobs.every(tasks.HOLDS_S, tasks.expire_holds)
    jobs.every(tasks.PATROL_S, tasks.patrol_ledger)


def _prove() -> tuple[Sequence[str], str]:
    report = verify()
    words = f"{report.postings} postings, {report.accounts} accounts in {report.seconds:.1f} s"
    return [str(finding) for finding in report.findings[:SHOWN]], words
