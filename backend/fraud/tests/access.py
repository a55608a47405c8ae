"""Who may call the routes of fraud, and what calling them takes (backend/tests/access.py)."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.fraud.models import FraudAlert, RuleSet, Snooze
from backend.fraud.services import dryruns, rulesets
from backend.fraud.tests.made import held
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.tests.roles import Cases, always, only
from backend.tests.stage import Caller, Stage

READ = only(200, "bank_admin", "auditor")
ALERT = "/api/fraud-alerts/{alert_id}/"
RULES = "/api/fraud/rules/{rules_version}/"

ACCESS: dict[str, Cases] = {
    # Bank admins decide, auditors read (S2-R10, S2-B32, K-25); nobody about themselves. Flags open nothing.
    "GET /api/fraud-alerts/": always(READ),
    f"GET {ALERT}": {"own": only(404, "bank_admin", "auditor"), "another": READ},
    f"POST {ALERT}claim/": {"own": only(403), "another": only(200, "bank_admin")},
    f"DELETE {ALERT}claim/": {"own": only(403), "another": only(204, "bank_admin")},
    f"POST {ALERT}decide/": {"own": only(403), "another": only(200, "bank_admin")},
    # One that nobody has decided has no label yet.
    f"PUT {ALERT}label/": {"own": only(403), "another": only(409, "bank_admin")},
    f"GET {ALERT}notes/": {"own": only(404, "bank_admin", "auditor"), "another": READ},
    f"POST {ALERT}notes/": {"own": only(403), "another": only(201, "bank_admin")},
    "GET /api/fraud/rules/": always(READ),
    "POST /api/fraud/rules/": always(only(201, "bank_admin")),
    # A draft: one's own, or another's. One's own is for another to publish.
    f"GET {RULES}": {"own": READ, "another": READ},
    f"PATCH {RULES}": {"own": only(200, "bank_admin"), "another": only(200, "bank_admin")},
    f"POST {RULES}publish/": {"own": only(409, "bank_admin"), "another": only(200, "bank_admin")},
    f"POST {RULES}retire/": {"own": only(200, "bank_admin"), "another": only(200, "bank_admin")},
    f"POST {RULES}dry-runs/": {"own": only(202, "bank_admin"), "another": only(202, "bank_admin")},
    "GET /api/fraud/dry-runs/{dry_run_id}/": {"own": READ, "another": READ},
    "GET /api/fraud/snoozes/": always(READ),
    "POST /api/fraud/snoozes/": always(only(201, "bank_admin")),
    "DELETE /api/fraud/snoozes/{snooze_id}/": {"own": only(204, "bank_admin"), "another": only(204, "bank_admin")},
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    f"DELETE {ALERT}claim/": "here nobody has claimed it; test_reviewing_alerts.py sees the row of one that was",
    f"PUT {ALERT}label/": "needs a decided alert: test_reviewing_alerts.py sees the row",
}


def _alert(stage: Stage, owner: User, caller: Caller) -> str:
    return held(owner).alert_id


def draft_by(user: User) -> RuleSet:
    """A draft that somebody wrote; they are a bank admin for that moment, whoever they are."""
    admin = principal_of(user)
    object.__setattr__(admin, "roles", frozenset({"BANK_ADMIN"}))
    return rulesets.draft_rules(actor=admin, rules=None, based_on=None, note="")


def _version(stage: Stage, owner: User, caller: Caller) -> int:
    return draft_by(owner).version


def _dry_run(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    admin = principal_of(stage.make_user("BANK_ADMIN"))
    return dryruns.start_dry_run(actor=admin, version=draft_by(owner).version).pk


def _snooze(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    until = datetime.now(UTC) + timedelta(hours=1)
    return Snooze.objects.create(rule="night", account_id="account-1", reason="x", created_by=owner, until=until).pk


MAKERS: dict[str, Any] = {
    "alert_id": _alert,
    "rules_version": _version,
    "dry_run_id": _dry_run,
    "snooze_id": _snooze,
}


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(hours=2)).isoformat()


BODIES = {
    f"POST {ALERT}decide/": lambda stage: {"verdict": FraudAlert.Verdict.RELEASE, "reason": "Known payee."},
    f"PUT {ALERT}label/": lambda stage: {"label": "FALSE_POSITIVE", "reason": "They called us."},
    f"POST {ALERT}notes/": lambda stage: {"text": "Called the customer."},
    f"PATCH {RULES}": lambda stage: {"revision": 1, "note": "Quieter by night."},
    f"POST {RULES}publish/": lambda stage: {"revision": 1},
    "POST /api/fraud/snoozes/": lambda stage: {
        "rule": "night",
        "reason": "A shift worker.",
        "until": _soon(),
        "account_id": "account-1",
    },
}
