"""Workers at the same run, at the same moment: real threads on real PostgreSQL."""

from backend.banking.models import RunScore, RunState, ScoringRun
from backend.banking.services import portfolios
from backend.banking.tests.manager_factories import make_account, make_bank, make_loan
from backend.common import jobs
from backend.identity.principals import principal_of
from backend.tests.commits import committed, in_parallel  # noqa: F401 - a fixture


def _bank_with_loans(make_user, number):
    manager = make_user()
    make_bank(manager)
    account = make_account(manager)
    return manager, [make_loan(manager, account=account, loan_status=None) for _ in range(number)]


def test_workers_at_the_same_run_score_no_loan_twice(committed, make_user, monkeypatch):  # noqa: F811
    monkeypatch.setattr(jobs, "_hand_over", lambda task, kwargs: None)
    monkeypatch.setattr(portfolios, "AT_ONCE", 2)
    manager, loans = _bank_with_loans(make_user, 9)
    run = portfolios.start_scoring(actor=principal_of(manager), bank_id=None, ended_too=False)

    assert in_parallel(*(lambda: portfolios.score_on(run.pk) for _ in range(4))) == [None] * 4
    portfolios.score_on(run.pk)  # All four may have found the run locked at its last batch.

    run.refresh_from_db()
    assert (run.state, run.loans_done) == (RunState.DONE, 9)
    assert sorted(RunScore.objects.values_list("loan", flat=True)) == sorted(loan.pk for loan in loans)


def test_clicks_at_the_same_moment_start_one_run(committed, make_user, monkeypatch):  # noqa: F811
    noted = []
    monkeypatch.setattr(jobs, "_hand_over", lambda task, kwargs: noted.append(kwargs))
    manager, _ = _bank_with_loans(make_user, 1)
    actor = principal_of(manager)

    found = in_parallel(
        *(lambda: portfolios.start_scoring(actor=actor, bank_id=None, ended_too=False) for _ in range(4))
    )

    assert {run.pk for run in found} == {ScoringRun.objects.get().pk}
    assert len(noted) == 1
