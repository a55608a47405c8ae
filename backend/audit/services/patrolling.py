"""The patrol: verification by the clock, a stretch of the chain at a time, round and round (E-DATA-4).

A stretch is small enough to be nobody's burden, and what is newest is looked at each time: whether the chain is as long
as the last checkpoint says, whether the checkpoints are where they were, whether the guards are up. What it finds is
a CRITICAL security event and a notice to the auditors' desk, once for each finding.
"""

import structlog
from django.db import connection

from backend.audit import keys
from backend.audit.checkpoints import place
from backend.audit.models import AuditCheckpoint, AuditLog, AuditPatrol, AuditSeal, SecurityEvent
from backend.audit.offline.chain import ERASED, Finding, Walk
from backend.audit.offline.signatures import check_witness, is_signed
from backend.audit.services.events import raise_security_event
from backend.audit.verification import LAST_ROW, beginning, loose_ends, one_moment, pages
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)

STRETCH = 2000
LOCK = "audit.patrol"


def run(*, stretch: int = STRETCH) -> list[Finding]:
    """Verify the next stretch; raise an alarm for what is new. Returns what was found. One process at a time."""
    with one_moment(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])
        if not cursor.fetchone()[0]:
            return []
        state = AuditPatrol.objects.first() or AuditPatrol()
        findings, reached = _look(state.seq, stretch)
    with unit_of_work(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [LOCK])  # Two would tell it twice.
        facts = {"seq": reached, "rounds": state.rounds + (reached == 0)}
        AuditPatrol.objects.update_or_create(pk=state.pk, defaults=facts)
        for finding in _first_of_each_kind(findings):
            _raise_alarm(finding)
    return findings


def _look(after: int, stretch: int) -> tuple[list[Finding], int]:
    """Return what is wrong in the next stretch and at the end of the chain, and how far it went; 0 at the end."""
    anchors = list(AuditCheckpoint.objects.filter(kind="anchor").order_by("number").values_list("line", flat=True))
    start, link, _ = beginning(anchors)
    before = AuditSeal.objects.filter(pk=after).first() if after > start else None
    if before is not None:
        start, link = after, before.link.hex()
    expected = _signed_between(start, start + stretch)
    walk = Walk(seq=start, link=link, keys=keys.proving(), expected=expected, knows_values=True, finds_doubles=False)
    held = [before.row_id] if before is not None else [0]
    for page in pages(after=start, until=start + stretch):
        for seal, row in page:
            walk.step(seal, row)
        held += [seal["row_id"] for seal, _ in page]
    if walk.without_values:
        for facts in AuditLog.objects.filter(action=ERASED).values_list("facts", flat=True):
            walk.erased.update(facts["rows"])
    at_end = walk.seq < start + stretch
    archived = max((line["last_row"] for line in anchors), default=0)
    findings = walk.finish(head=_signed_head() if at_end else None)
    findings += loose_ends(after=walk.seq, archived=archived, rows=(min(held), LAST_ROW if at_end else max(held)))
    return sorted([*findings, *_set_back()]), 0 if at_end else walk.seq


def _signed_between(start: int, end: int) -> dict[int, str]:
    """Return the links that checkpoints sign in a stretch: of copies, which count as far as their signature holds."""
    copies = AuditCheckpoint.objects.filter(seq__gt=start, seq__lte=end).values_list("line", flat=True)
    public = keys.public()
    return {line["seq"]: line["link"] for line in copies if is_signed(line, public, keys.verify_signature)}


def _signed_head() -> int | None:
    newest = AuditCheckpoint.objects.filter(kind="checkpoint").order_by("-number").first()
    return newest.seq if newest else None


def _set_back() -> list[Finding]:
    """Compare the newest lines on both sides: the copy must never know more than the place."""
    newest = AuditCheckpoint.objects.order_by("-number").first()
    if newest is None:
        return []
    last = place().last()
    if last is None or last["number"] < newest.number:
        return list(check_witness([last] if last else [], [newest.line]))
    return [] if last["number"] > newest.number else list(check_witness([last], [newest.line]))


def _first_of_each_kind(findings: list[Finding]) -> list[Finding]:
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.kind, finding)
    return list(first.values())


def _raise_alarm(finding: Finding) -> None:
    """Tell of a finding once: not again while an earlier one of its kind is open, nor when it was dealt with."""
    told = SecurityEvent.objects.filter(event_type="DATA_CORRUPTION", metadata__finding=finding.kind)
    open_before = told.filter(resolved=False, metadata__seq__lte=finding.seq)
    same = told.filter(metadata__seq=finding.seq) if finding.row is None else told.filter(metadata__row=finding.row)
    if open_before.exists() or same.exists():
        return
    log.error("audit.broken", finding=finding.kind, seq=finding.seq, row=finding.row, words=finding.words)
    event = raise_security_event(
        event_type="DATA_CORRUPTION",
        severity=SecurityEvent.Severity.CRITICAL,
        description=f"The audit trail is broken: {finding}.",
        metadata={"finding": finding.kind, "seq": finding.seq, "row": finding.row, "words": finding.words},
    )
    hooks.trail_broken(hooks.TrailBroken(event.pk, finding.kind, finding.seq, finding.row, finding.words))
