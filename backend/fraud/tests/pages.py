"""A row more of each model of fraud that has a page (backend/tests/pages.py)."""

from datetime import UTC, datetime, timedelta

from backend.fraud.models import AlertNote, Snooze
from backend.fraud.services import dryruns
from backend.fraud.tests.access import draft_by
from backend.fraud.tests.made import assess, held
from backend.identity.principals import principal_of
from backend.tests.stage import Stage


def _alert(stage: Stage) -> None:
    AlertNote.objects.create(alert=held(stage.make_user()), author=stage.make_user(), text="x")


def _snooze(stage: Stage) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    Snooze.objects.create(rule="night", user=stage.make_user(), reason="x", created_by=stage.make_user(), until=until)


def _dry_run(stage: Stage) -> None:
    admin = stage.make_user("BANK_ADMIN")
    dryruns.start_dry_run(actor=principal_of(admin), version=draft_by(admin).version)


ROWS = {
    "fraud.FraudAlert": _alert,
    "fraud.Assessment": lambda stage: assess(stage.make_user()),
    "fraud.RuleSet": lambda stage: draft_by(stage.make_user()),
    "fraud.DryRun": _dry_run,
    "fraud.Snooze": _snooze,
}
