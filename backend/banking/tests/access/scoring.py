"""Who may call the routes of the loan model, and what calling them takes."""

from backend.banking.models import ScoringRun
from backend.banking.tests.manager_factories import make_bank
from backend.tests.roles import Cases, always, signed_in

RUN = "/api/loan/score-portfolio/{scoring_run_id}/"

ACCESS: dict[str, Cases] = {
    # The table's people manage no bank without an object in the path.
    "POST /api/loan/predict/": always(signed_in(403)),
    "POST /api/loan/score-portfolio/": always(signed_in(403)),
    f"GET {RUN}": {"own": signed_in(200), "another": signed_in(404)},
    f"GET {RUN}scores/": {"own": signed_in(200), "another": signed_in(404)},
}

UNRECORDED = {
    "POST /api/loan/predict/": "it answers and stores nothing",
    "POST /api/loan/score-portfolio/": "the table's people manage no bank; test_scoring_portfolio.py does it",
}

MAKERS = {
    "scoring_run_id": lambda stage, owner, caller: (
        ScoringRun.objects.create(bank=make_bank(owner), started_by=owner.pk).pk
    ),
}

BODIES = {"POST /api/loan/predict/": lambda stage: {}, "POST /api/loan/score-portfolio/": lambda stage: {}}
