"""Trying rules on what has happened: the verdicts of the last 30 days, judged again by a version."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max, Min

from backend.audit import services as audit
from backend.common import jobs
from backend.common.errors import Forbidden
from backend.common.principal import BANK_ADMIN, Principal
from backend.common.unit_of_work import unit_of_work
from backend.fraud import selectors, tasks
from backend.fraud.errors import RuleSetUnknown
from backend.fraud.models import Assessment, DryRun, RuleSet
from backend.fraud.rules import Verdict
from backend.fraud.rulesets import Rules, parse
from backend.fraud.services.replaying import judge

LOOKS_BACK = timedelta(days=30)
STEP = 1000
SAMPLES_MAX = 20
STALLED_AFTER = timedelta(minutes=2)
State = DryRun.State


def start_dry_run(*, actor: Principal, version: int) -> DryRun:
    """Have a job try a version on the last 30 days, and return where its outcome will be.

    Repeating: while one runs for the same revision, that one again.
    Raises: Forbidden, RuleSetUnknown. Locks: the version.
    """
    if not actor.has_role(BANK_ADMIN):
        raise Forbidden
    with unit_of_work():
        rule_set = RuleSet.objects.select_for_update(no_key=True).filter(version=version).first()
        if rule_set is None:
            raise RuleSetUnknown
        running = DryRun.objects.filter(rule_set=rule_set, state=State.RUNNING).first()
        if running is not None and running.revision == rule_set.revision:
            return running
        if running is not None:
            _finish(running, State.FAILED)  # The draft has changed: nobody waits for the old one.
        since = datetime.now(UTC) - LOOKS_BACK
        lately = Assessment.objects.filter(at__gte=since).aggregate(first=Min("pk"), last=Max("pk"))
        run = DryRun.objects.create(
            rule_set=rule_set,
            revision=rule_set.revision,
            rules=rule_set.rules,
            since=since,
            asked_by_id=actor.id,
            after=(lately["first"] or 1) - 1,
            last=lately["last"] or 0,
            counts=_nothing(),
        )
        facts = {"version": version, "revision": rule_set.revision}
        audit.record(actor_id=actor.id, action="fraud.dry_run_requested", target=run, facts=facts)
        jobs.enqueue(tasks.step_dry_run, dry_run_id=str(run.pk))
    return run


def step(*, dry_run_id: UUID) -> bool:
    """Judge the next thousand; return whether there are more. Two at once do not count anything twice.

    Locks: the dry run, passing over one that is being worked on.
    """
    with unit_of_work():
        runs = DryRun.objects.select_for_update(skip_locked=True, no_key=True)
        run = runs.filter(pk=dry_run_id, state=State.RUNNING).first()
        if run is None:
            return False
        rows = selectors.assessments_between(run.after, run.last, STEP)
        _add(run, rows, parse(run.rules))
        run.stepped_at = datetime.now(UTC)
        if rows:
            run.after = rows[-1]["id"]
            run.save()
        else:
            _finish(run, State.DONE)
    return bool(rows)


def stalled() -> list[UUID]:
    """Return the dry runs whose job was lost on the way."""
    edge = datetime.now(UTC) - STALLED_AFTER
    return list(DryRun.objects.filter(state=State.RUNNING, stepped_at__lt=edge).values_list("pk", flat=True))


def _nothing() -> dict[str, Any]:
    names = ("seen", "held", "alerted", "newly_held", "no_longer_held", "newly_alerted", "cleared", "unchanged")
    return {**dict.fromkeys(names, 0), "rules": {}}


def _finish(run: DryRun, state: str) -> None:
    run.state, run.finished_at = state, datetime.now(UTC)
    run.save()


def _add(run: DryRun, rows: Sequence[Mapping[str, Any]], rules: Rules) -> None:
    spoke = Counter(run.counts["rules"])
    shown = Counter(one["change"] for one in run.samples)
    for row in rows:
        verdict = judge(rules, row["inputs"])
        change = _change(row, verdict)
        run.counts["seen"] += 1
        run.counts["held"] += verdict.hold
        run.counts["alerted"] += verdict.alert
        run.counts[change] += 1
        spoke.update(one.code for one in verdict.reasons if not one.is_snoozed)
        if change != "unchanged" and shown[change] < SAMPLES_MAX:
            shown[change] += 1
            run.samples.append(_sample(row, verdict, change))
    run.counts["rules"] = dict(spoke)


def _change(row: Mapping[str, Any], verdict: Verdict) -> str:
    """What becomes of a transfer: one word, the weightiest."""
    if verdict.hold != row["is_held"]:
        return "newly_held" if verdict.hold else "no_longer_held"
    if verdict.alert != row["is_alert"]:
        return "newly_alerted" if verdict.alert else "cleared"
    return "unchanged"


def _sample(row: Mapping[str, Any], verdict: Verdict, change: str) -> dict[str, Any]:
    return {
        "change": change,
        "subject": f"{row['subject_kind']}:{row['subject_id']}",
        "at": row["at"].isoformat(),
        "amount": str(row["amount"]),
        "currency": row["currency"],
        "score_before": row["score"],
        "score": verdict.score,
        "reasons": [one.words for one in verdict.reasons if not one.is_snoozed],
    }
