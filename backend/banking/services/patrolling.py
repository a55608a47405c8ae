"""The patrol of the books: verification by the clock, a stretch of postings and of accounts at a time, round and round.

What it finds is a CRITICAL security event and a notice to the desks of auditors and bank admins, once for each finding.
"""

import structlog
from django.db import connection

from backend.audit import services as audit
from backend.audit.models import SecurityEvent
from backend.banking import verification
from backend.banking.models import LedgerFinding, LedgerPatrol
from backend.banking.verification import Finding
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications import services as notifications
from backend.notifications.banking_notices import LedgerBroken

log = structlog.get_logger(__name__)

POSTINGS, ACCOUNTS = 5_000, 1_000
LOCK = "banking.patrol"


def run(*, postings: int = POSTINGS, accounts: int = ACCOUNTS) -> list[Finding]:
    """Verify the next stretch; tell of what is new. Returns what was found. One process at a time."""
    with verification.one_moment():
        if not _alone():
            return []
        state = LedgerPatrol.objects.first() or LedgerPatrol()
        findings = _look(state, postings, accounts)
    with unit_of_work() as unit:
        _wait_to_be_alone()  # Two would tell it twice.
        state.save()
        for finding in findings:
            _raise_alarm(unit, finding)
    return findings


def _look(state: LedgerPatrol, postings: int, accounts: int) -> list[Finding]:
    """Return what is wrong in the next stretch, and set the state to behind it. Banks as wholes end a round."""
    findings = verification.missing_guards()
    newest = verification.newest_posting()
    until = min(state.posting_id + postings, newest)
    findings += verification.in_postings(after=state.posting_id, until=until)
    page = verification.account_page(after=state.account_id, size=accounts)
    if page:
        findings += verification.in_accounts(page[0], page[-1])
    at_end = until >= newest and len(page) < accounts
    if at_end:
        findings += verification.in_banks()
        state.posting_id, state.account_id, state.rounds = 0, None, state.rounds + 1
    else:
        state.posting_id = until
        state.account_id = page[-1] if page else state.account_id
    return findings


def _raise_alarm(unit: UnitOfWork, finding: Finding) -> None:
    known = LedgerFinding.objects.filter(kind=finding.kind, subject=finding.subject)
    if known.exists():
        return
    log.error("ledger.broken", finding=finding.kind, subject=finding.subject, words=finding.words)
    event = audit.raise_security_event(
        event_type="LEDGER_CORRUPTION",
        severity=SecurityEvent.Severity.CRITICAL,
        description=f"The books do not prove out: {finding}.",
        metadata={"finding": finding.kind, "subject": finding.subject, "words": finding.words},
    )
    LedgerFinding.objects.create(
        kind=finding.kind, subject=finding.subject, words=finding.words[:300], event_id=event.pk
    )
    notice = LedgerBroken(event_id=event.pk, finding=finding.kind, subject=finding.subject, words=finding.words)
    notifications.tell(unit, topics=[notifications.DESK_AUDITOR, notifications.DESK_BANK_ADMIN], notice=notice)


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
        return bool(cursor.fetchone()[0])


def _wait_to_be_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
