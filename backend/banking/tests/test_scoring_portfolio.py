"""Scoring all loans of a bank by a job: progress, repeats, races, and who may see it."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from backend.audit.models import AuditLog
from backend.banking import tasks
from backend.banking.models import Loan, RunScore, RunState, ScoringRun
from backend.banking.services import portfolios, predictions
from backend.banking.tests.manager_factories import everything_stored, make_account, make_bank, make_customer, make_loan
from backend.common import jobs

pytestmark = pytest.mark.django_db

SCORE = "/api/loan/score-portfolio/"


@pytest.fixture
def mona(make_user):
    manager = make_user(first_name="Mona")
    manager.bank = make_bank(manager)
    return manager


@pytest.fixture
def as_mona(mona, client_of):
    return client_of(mona)


@pytest.fixture
def account(mona):
    return make_account(mona, customer=make_customer(mona, credit_score=Decimal("700.00"), annual_income=900_000))


@pytest.fixture
def loans(mona, account):
    """Three under way, two that have ended."""
    under_way = [
        make_loan(mona, account=account, loan_status=None, current_loan_amount=Decimal(amount))
        for amount in (100_000, 300_000, 600_000)
    ]
    ended = [make_loan(mona, account=account, loan_status=status) for status in ("Fully Paid", "Charged Off")]
    return under_way + ended


@pytest.fixture
def held(monkeypatch):
    """Jobs are noted, and run when the test says so."""
    noted = []
    monkeypatch.setattr(jobs, "_hand_over", lambda task, kwargs: noted.append((task, kwargs)))
    return noted


def start(client, capture, **body):
    with capture(execute=True):
        return client.post(SCORE, body, format="json")


def test_a_portfolio_is_scored_and_its_run_tells_what_it_came_to(
    as_mona, mona, loans, django_capture_on_commit_callbacks
):
    answer = start(as_mona, django_capture_on_commit_callbacks)
    assert answer.status_code == 202
    assert answer.json()["state"] == "queued"
    assert AuditLog.objects.filter(action="portfolio.scored", target_id=str(mona.bank.pk)).count() == 1

    run = as_mona.get(f"{SCORE}{answer.json()['id']}/").json()
    assert (run["state"], run["percent"], run["loans_done"], run["loans_total"]) == ("done", 100, 3, 3)
    assert run["model_version"] == predictions.model().version
    bands = run["summary"]["bands"]
    assert sum(band["loans"] for band in bands.values()) == 3
    assert sum(Decimal(band["outstanding"].get("USD", "0")) for band in bands.values()) == 1_000_000
    assert run["summary"]["on_record"]["loans"] == 0

    scores = as_mona.get(f"{SCORE}{run['id']}/scores/").json()
    assert scores["count"] == 3
    assert [row["loan"] for row in scores["results"]] == [
        str(score.loan_id) for score in RunScore.objects.order_by("probability", "id")
    ]
    assert {row["loan"] for row in scores["results"]} == {str(loan.pk) for loan in loans[:3]}
    for row in scores["results"]:
        loan = Loan.objects.get(pk=row["loan"])
        single = as_mona.post(
            "/api/loan/predict/",
            {
                "account": str(loan.account_id),
                "current_loan_amount": str(loan.current_loan_amount),
                "term": loan.term,
                "purpose": loan.purpose,
            },
            format="json",
        ).json()
        assert float(row["probability"]) == pytest.approx(single["probability"], abs=1e-4)
        assert (row["prediction"], row["risk_band"]) == (single["prediction"], single["risk_band"])
    banded = as_mona.get(f"{SCORE}{run['id']}/scores/?band=HIGH").json()
    assert banded["count"] == bands["HIGH"]["loans"]
    assert as_mona.get(f"{SCORE}{run['id']}/scores/?band=WORST").status_code == 400


def test_ended_loans_are_scored_where_asked_for_and_held_against_how_they_ended(
    as_mona, loans, django_capture_on_commit_callbacks
):
    start(as_mona, django_capture_on_commit_callbacks, ended_too=True)
    run = ScoringRun.objects.get()
    assert (run.state, run.loans_done) == (RunState.DONE, 5)
    assert run.summary["on_record"]["loans"] == 2
    assert run.summary["on_record"]["fully_paid"] == 1
    assert 0 < Decimal(run.summary["on_record"]["fully_paid_expected"]) < 2


def test_a_bank_without_loans_is_done_at_once(as_mona, mona, django_capture_on_commit_callbacks):
    start(as_mona, django_capture_on_commit_callbacks)
    run = ScoringRun.objects.get()
    assert (run.state, run.loans_total, run.summary["bands"]["LOW"]["loans"]) == (RunState.DONE, 0, 0)


def test_a_second_click_gets_the_run_that_is_under_way(as_mona, loans, held, django_capture_on_commit_callbacks):
    first = start(as_mona, django_capture_on_commit_callbacks).json()
    before = everything_stored()
    second = start(as_mona, django_capture_on_commit_callbacks, ended_too=True).json()
    assert second["id"] == first["id"]
    assert len(held) == 1
    assert everything_stored() == before
    with pytest.raises(IntegrityError), transaction.atomic():
        ScoringRun.objects.create(bank_id=first["bank"], started_by=1)


def test_a_job_that_died_goes_on_where_it_stopped_and_one_that_runs_twice_does_nothing_twice(
    as_mona, loans, held, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(portfolios, "AT_ONCE", 2)
    start(as_mona, django_capture_on_commit_callbacks, ended_too=True)
    task, kwargs = held[0]
    run_id = uuid.UUID(kwargs["run_id"])

    assert portfolios._one_batch(run_id)  # ... and the process dies.
    run = ScoringRun.objects.get()
    assert (run.state, run.loans_done, run.loans_total) == (RunState.RUNNING, 2, 5)
    shown = as_mona.get(f"{SCORE}{run.pk}/").json()
    assert (shown["percent"], shown["summary"]) == (40, None)
    assert portfolios.resume_stuck() == 0
    ScoringRun.objects.update(touched_at=datetime.now(UTC) - timedelta(minutes=5))
    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.resume_scoring() == 1
    assert held[1] == (task, kwargs)

    task.apply(kwargs=kwargs)
    task.apply(kwargs=kwargs)
    run.refresh_from_db()
    assert (run.state, run.loans_done) == (RunState.DONE, 5)
    assert sorted(RunScore.objects.values_list("loan", flat=True)) == sorted(loan.pk for loan in loans)


def test_the_scores_of_the_last_run_replace_those_before_and_old_runs_go(
    as_mona, loans, django_capture_on_commit_callbacks
):
    first = start(as_mona, django_capture_on_commit_callbacks).json()["id"]
    second = start(as_mona, django_capture_on_commit_callbacks).json()["id"]
    assert set(RunScore.objects.values_list("run", flat=True)) == {uuid.UUID(second)}
    assert as_mona.get(f"{SCORE}{first}/").json()["state"] == "done"
    ScoringRun.objects.filter(pk=first).update(created_at=datetime.now(UTC) - timedelta(days=31))
    assert tasks.purge_scoring() == 1
    assert ScoringRun.objects.get().pk == uuid.UUID(second)


def test_other_banks_loans_are_left_alone_and_their_managers_see_nothing(
    as_mona, loans, make_user, client_of, django_capture_on_commit_callbacks
):
    otto = make_user()
    theirs = make_bank(otto, bank_name="Second")
    make_loan(otto, loan_status=None)
    run_id = start(as_mona, django_capture_on_commit_callbacks).json()["id"]
    assert not RunScore.objects.filter(loan__bank=theirs).exists()
    for path in (f"{SCORE}{run_id}/", f"{SCORE}{run_id}/scores/"):
        assert client_of(otto).get(path).status_code == 404
    refused = as_mona.post(SCORE, {"bank": str(theirs.pk)}, format="json")
    assert (refused.status_code, list(refused.json())) == (400, ["bank"])
    assert client_of(make_user()).post(SCORE, {}, format="json").status_code == 403


def test_a_broken_artefact_refuses_a_new_run_and_fails_one_under_way(
    as_mona, loans, held, settings, tmp_path, django_capture_on_commit_callbacks
):
    run_id = start(as_mona, django_capture_on_commit_callbacks).json()["id"]
    settings.LOAN_MODEL = tmp_path / "none.model"
    tasks.score_portfolio(run_id)
    run = ScoringRun.objects.get()
    assert (run.state, run.fault, run.summary) == (RunState.FAILED, portfolios.MODEL_AWAY, None)
    before = everything_stored()
    answer = as_mona.post(SCORE, {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (503, "model.unavailable")
    assert (everything_stored(), ScoringRun.objects.count()) == (before, 1)


def test_a_model_that_was_replaced_meanwhile_ends_the_run(
    as_mona, loans, held, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(portfolios, "AT_ONCE", 2)
    run_id = uuid.UUID(start(as_mona, django_capture_on_commit_callbacks).json()["id"])
    portfolios._one_batch(run_id)
    ScoringRun.objects.update(model_version="loan-status-1-older")
    portfolios.score_on(run_id)
    run = ScoringRun.objects.get()
    assert (run.state, run.fault) == (RunState.FAILED, portfolios.MODEL_CHANGED)


def test_a_page_of_scores_takes_the_same_queries_however_many_there_are(
    as_mona, mona, account, loans, django_assert_num_queries, django_capture_on_commit_callbacks
):
    run_id = start(as_mona, django_capture_on_commit_callbacks).json()["id"]
    path = f"{SCORE}{run_id}/scores/"
    with django_assert_num_queries(3):
        as_mona.get(path)
    for _ in range(12):
        make_loan(mona, account=account, loan_status=None)
    run_id = start(as_mona, django_capture_on_commit_callbacks).json()["id"]
    with django_assert_num_queries(3):
        assert as_mona.get(f"{SCORE}{run_id}/scores/").json()["count"] == 15
