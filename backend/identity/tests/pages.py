"""A row more of each model of identity, and of those that it shows for others (backend/tests/pages.py)."""

import uuid
from datetime import UTC, datetime, timedelta

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from rest_framework_api_key.models import APIKey

from backend.common.models import RateLimit
from backend.identity.models import (
    LoginLog,
    PersonExport,
    Role,
    RuleChange,
    RuleNotice,
    SignInCounter,
    TotpDevice,
    User,
    UserRole,
)
from backend.tests.stage import Stage

NOW = datetime.now(UTC)


def _device(stage: Stage) -> None:
    device = TotpDevice(user=stage.make_user(), name="app", confirmed=True, confirmed_at=NOW)
    device.seal(b"x" * 20)
    device.save()


def _change() -> RuleChange:
    return RuleChange.objects.create(key=uuid.uuid4().hex, version=1, title="x", text="x", effective_on=NOW.date())


def _entry(stage: Stage) -> None:
    LogEntry.objects.create(
        user=stage.make_user(),
        content_type=ContentType.objects.get_for_model(User),
        object_id="1",
        object_repr="x",
        action_flag=CHANGE,
    )


def _block(stage: Stage) -> None:
    name = uuid.uuid4().hex
    RateLimit.objects.create(
        identifier=f"ip:{name}", endpoint="x", window_start=NOW, window_end=NOW, is_blocked=True, block_until=NOW
    )


ROWS = {
    "identity.User": lambda stage: stage.make_user(),
    "identity.UserRole": lambda stage: UserRole.objects.create(
        user=stage.make_user(), role=Role.objects.get(name="AUDITOR"), assigned_by=stage.make_user()
    ),
    "identity.Role": lambda stage: Role.objects.create(name=uuid.uuid4().hex),
    "identity.Session": lambda stage: stage.session_of(stage.make_user()),
    "identity.LoginLog": lambda stage: LoginLog.objects.create(user=stage.make_user(), description="x"),
    "identity.TotpDevice": _device,
    "identity.SignInCounter": lambda stage: SignInCounter.objects.create(key=uuid.uuid4().hex, updated_at=NOW),
    "identity.RuleChange": lambda stage: _change(),
    "identity.RuleNotice": lambda stage: RuleNotice.objects.create(change=_change(), user=stage.make_user()),
    "identity.PersonExport": lambda stage: PersonExport.objects.create(
        user=stage.make_user(), state="READY", expires_at=NOW + timedelta(days=1)
    ),
    "rest_framework_api_key.APIKey": lambda stage: APIKey.objects.create_key(name="partner"),
    "admin.LogEntry": _entry,
    "common.RateLimit": _block,
}
