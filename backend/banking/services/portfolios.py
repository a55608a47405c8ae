"""Scoring a bank's loans all at once, batch by batch, each in a transaction of its own.

A batch moves its run's position and stores its scores together, so a job that dies is taken up at the last batch, and
one that runs twice finds the position moved and stops. Memory holds one batch. Locks: the run.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from backend.audit import services as audit
from backend.banking import tasks
from backend.banking.errors import ModelUnavailable
from backend.banking.models import Bank, LoanStatus, RiskBand, RunScore, RunState, ScoringRun
from backend.banking.selectors import banks
from backend.banking.selectors import scoring as selectors
from backend.banking.services import predictions
from backend.common import jobs
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from ml.inference import Scores

AT_ONCE = 2_000
KEPT_FOR = timedelta(days=30)
STUCK_AFTER = timedelta(minutes=2)
UNDER_WAY = (RunState.QUEUED, RunState.RUNNING)
MODEL_AWAY = "The loan model could not be used."
MODEL_CHANGED = "The loan model was replaced meanwhile; start again."


def start_scoring(*, actor: Principal, bank_id: uuid.UUID | None, ended_too: bool) -> ScoringRun:
    """Have the loans of a bank of the actor's scored, those under way or also ended ones; return the run.

    Repeating: while one is under way for the bank, that one is returned.
    Raises: NotABankManager, InvalidField, ModelUnavailable. Locks: the bank. After commit: the job that scores.
    """
    chosen = banks.chosen_bank(actor, bank_id)
    predictions.model()
    with unit_of_work():
        bank = Bank.objects.select_for_update(no_key=True).get(pk=chosen)
        found = ScoringRun.objects.filter(bank=bank, state__in=UNDER_WAY).first()
        if found is not None:
            return found
        run = ScoringRun.objects.create(bank=bank, started_by=actor.id, ended_too=ended_too)
        facts = {"run": str(run.pk), "ended_too": ended_too}
        audit.record(actor_id=actor.id, action="portfolio.scored", target=bank, facts=facts)
        jobs.enqueue(tasks.score_portfolio, run_id=str(run.pk))
    return run


def score_on(run_id: uuid.UUID) -> None:
    """Score what is left of a run. Repeating: goes on where the last one stopped."""
    while _one_batch(run_id):
        pass


def resume_stuck() -> int:
    """Have every run that nobody works on taken up again; return how many."""
    stuck = ScoringRun.objects.filter(state__in=UNDER_WAY, touched_at__lt=datetime.now(UTC) - STUCK_AFTER)
    found = list(stuck.order_by("touched_at").values_list("pk", flat=True)[:100])
    for run_id in found:
        jobs.enqueue(tasks.score_portfolio, run_id=str(run_id))
    return len(found)


def purge_old() -> int:
    """Remove runs that ended a month ago, with their scores; return how many."""
    old = ScoringRun.objects.exclude(state__in=UNDER_WAY).filter(created_at__lt=datetime.now(UTC) - KEPT_FOR)
    return sum(run.delete()[1].get("banking.ScoringRun", 0) for run in old.order_by("created_at")[:1000])


def _one_batch(run_id: uuid.UUID) -> bool:
    """Score one batch; return whether there is more to do."""
    with unit_of_work():
        run = ScoringRun.objects.select_for_update(skip_locked=True).filter(pk=run_id, state__in=UNDER_WAY).first()
        if run is None:
            return False  # Over, or somebody else is at it.
        try:
            model = predictions.model()
        except ModelUnavailable:
            return _give_up(run, MODEL_AWAY)
        if run.state == RunState.QUEUED:
            run.state, run.model_version = RunState.RUNNING, model.version
            run.loans_total = selectors.loans_to_score(run).count()
        elif run.model_version != model.version:
            return _give_up(run, MODEL_CHANGED)
        rows = list(selectors.loans_to_score(run).values_list("pk", "created_at", *selectors.LOAN_COLUMNS)[:AT_ONCE])
        if rows:
            _store(run, rows, model.score_batch(selectors.columns_of([row[2:] for row in rows])))
            run.after_id, run.after_at = rows[-1][0], rows[-1][1]
            run.loans_done += len(rows)
        run.touched_at = datetime.now(UTC)
        if len(rows) < AT_ONCE:
            _finish(run)
        run.save()
    return run.state == RunState.RUNNING


def _store(run: ScoringRun, rows: Sequence[Sequence[Any]], scores: Scores) -> None:
    RunScore.objects.bulk_create(
        RunScore(
            run=run,
            loan_id=row[0],
            prediction=score.prediction,
            probability=predictions.rounded(score.probability),
            risk_band=score.risk_band,
        )
        for row, score in zip(rows, scores, strict=True)
    )


def _finish(run: ScoringRun) -> None:
    run.state, run.finished_at = RunState.DONE, datetime.now(UTC)
    run.summary = _summed_up(run)
    RunScore.objects.filter(run__bank=run.bank_id).exclude(run=run).delete()


def _give_up(run: ScoringRun, fault: str) -> bool:
    run.state, run.fault, run.finished_at = RunState.FAILED, fault, datetime.now(UTC)
    run.save(update_fields=["state", "fault", "finished_at"])
    return False


def _summed_up(run: ScoringRun) -> dict[str, Any]:
    """Return what the scores come to: loans and outstanding principal by band, and what ended loans say of it."""
    scores = RunScore.objects.filter(run=run)
    sums = scores.values("risk_band", "loan__currency").annotate(loans=Count("id"), owed=Sum("loan__outstanding"))
    bands: dict[str, dict[str, Any]] = {band: {"loans": 0, "outstanding": {}} for band in RiskBand.values}
    for row in sums.order_by("loan__currency"):
        band = bands[row["risk_band"]]
        band["loans"] += row["loans"]
        band["outstanding"][row["loan__currency"]] = str(row["owed"].quantize(Decimal("0.01")))
    known = scores.filter(loan__recorded=True)
    paid = known.filter(loan__loan_status=LoanStatus.FULLY_PAID).count()
    total = known.aggregate(loans=Count("id"), promised=Sum("probability"))
    return {
        "bands": bands,
        "fully_paid_expected": str(
            (scores.aggregate(sum=Sum("probability"))["sum"] or Decimal(0)).quantize(Decimal("0.1"))
        ),
        "on_record": {
            "loans": total["loans"],
            "fully_paid": paid,
            "fully_paid_expected": str((total["promised"] or Decimal(0)).quantize(Decimal("0.1"))),
        },
    }
