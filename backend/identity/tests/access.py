"""Who may call the routes of identity, and what calling them takes (backend/tests/access.py)."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.audit import services as audit
from backend.audit.models import AuditLog, SecurityEvent
from backend.audit.tests.settling import newest_row
from backend.common import vault
from backend.common.unit_of_work import unit_of_work
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, PersonExport, RuleChange, RuleNotice
from backend.tests.roles import Cases, always, anybody, only, signed_in
from backend.tests.stage import Caller, Stage, User

WORDS = "another quiet purple Tractor 7"
LOG = {
    "creation_date": "2026-01-02",
    "creation_time": "10:00:00",
    "platform_OS": "iOS",
    "successful": True,
    "description": "by hand",
}
CHANGE = {"new_password": WORDS, "confirm_password": WORDS}

ACCESS: dict[str, Cases] = {
    # Doors
    "POST /api/register/": always(anybody(201)),
    "POST /api/users/register/": always(anybody(202)),
    "POST /api/user/create/": always(anybody(201)),
    "POST /api/login/": always(anybody(200)),
    "POST /api/users/login/": always(anybody(200)),
    "POST /api/auth/login/": always(anybody(200)),
    "POST /api/user/token/": always(anybody(200)),
    "POST /api/auth/refresh/": always(anybody(200)),
    "POST /api/auth/password/forgot/": always(anybody(202)),
    "POST /api/auth/password/reset/": always(anybody(422)),
    # The S0 doors go by cookies, which say which session to end or to renew.
    "POST /api/token/": always(signed_in(200, anonymous=400, api_key=400)),
    "POST /api/logout/": always(signed_in(200, anonymous=400, api_key=400)),
    "POST /api/auth-status/": always(signed_in(200)),
    "GET /api/users/logout/": always(signed_in(200)),
    "POST /api/users/logout/": always(signed_in(200)),
    "POST /api/auth/logout/": always(signed_in(200)),
    # Oneself
    "GET /api/profile/": always(signed_in(200)),
    "PUT /api/profile/": always(signed_in(200)),
    "GET /api/user/me/": always(signed_in(200)),
    "PUT /api/user/me/": always(signed_in(200)),
    "PATCH /api/user/me/": always(signed_in(200)),
    "DELETE /api/user/me/": always(signed_in(204)),
    "PUT /api/users/changepwd/": always(signed_in(200)),
    "POST /api/profile/change-password/": always(signed_in(200)),
    "POST /api/auth/ws-ticket/": always(signed_in(201)),
    "GET /api/auth/sessions/": always(signed_in(200)),
    "DELETE /api/auth/sessions/": always(signed_in(200)),
    "PATCH /api/auth/sessions/{session_id}/": {"own": signed_in(200), "another": signed_in(404)},
    "DELETE /api/auth/sessions/{session_id}/": {"own": signed_in(204), "another": signed_in(404)},
    # The second factor: everybody's own. Without a step-up token nothing is switched off.
    # People's rights: everybody's own.
    "GET /api/profile/export/": always(signed_in(200)),
    "POST /api/profile/export/": always(signed_in(202)),
    "GET /api/profile/export/{export_id}/download/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/profile/notices/": always(signed_in(200)),
    "POST /api/profile/notices/{rule_notice_id}/acknowledge/": {"own": signed_in(200), "another": signed_in(404)},
    "GET /api/auth/2fa/": always(signed_in(200)),
    "POST /api/auth/2fa/enrol/": always(signed_in(201)),
    "POST /api/auth/2fa/confirm/": always(signed_in(409)),
    "POST /api/auth/2fa/verify/": always(signed_in(409)),
    "POST /api/auth/2fa/disable/": always(signed_in(409)),
    "POST /api/auth/2fa/recovery-codes/": always(signed_in(409)),
    "POST /api/auth/step-up/": always(signed_in(201)),
    "GET /api/auth/api-key/": always({**anybody(403), "api_key": 200}),
    # The login log: one's own to read; superusers read all of it and write, audited.
    "GET /api/users/loginLog/": always(signed_in(200)),
    "POST /api/users/loginLog/": always(only(201, "superuser")),
    "GET /api/users/loginLog/{log_id}/": {"own": signed_in(200), "another": signed_in(404, superuser=200)},
    "PUT /api/users/loginLog/{log_id}/": {"own": only(200, "superuser"), "another": only(200, "superuser")},
    "DELETE /api/users/loginLog/{log_id}/": {"own": only(204, "superuser"), "another": only(204, "superuser")},
    # The super-admin desk: staff manage plain users, superusers everybody; nobody deletes themselves.
    "GET /api/superadmin/user/": always(only(200, "staff", "superuser")),
    "POST /api/superadmin/user/": always(only(202, "staff", "superuser")),
    "GET /api/superadmin/user/{user_id}/": {
        "own": only(200, "superuser"),
        "another": only(200, "staff", "superuser"),
        "above": only(200, "superuser"),
    },
    "PUT /api/superadmin/user/{user_id}/": {
        "own": only(200, "superuser"),
        "another": only(200, "staff", "superuser"),
        "above": only(200, "superuser"),
    },
    "PUT /api/superadmin/user/block/{user_id}/": {
        "own": only(202, "superuser"),
        "another": only(202, "staff", "superuser"),
        "above": only(202, "superuser"),
    },
    "DELETE /api/superadmin/user/{user_id}/": {
        "own": only(204),
        "another": only(204, "staff", "superuser"),
        "above": only(204, "superuser"),
    },
    # The trail: bank admins and auditors read, auditors take it out; flags open nothing (K-24).
    "GET /api/audit-logs/": always(only(200, "bank_admin", "auditor")),
    "GET /api/admin/audit-logs/": always(only(200, "bank_admin", "auditor")),
    "GET /api/audit-logs/export/": always(only(200, "auditor")),
    "GET /api/audit-logs/{entry_id}/": {
        "own": only(200, "bank_admin", "auditor"),
        "another": only(200, "bank_admin", "auditor"),
    },
    # Security events: bank admins and auditors read, bank admins resolve; flags open nothing.
    "GET /api/admin/security-events/": always(only(200, "bank_admin", "auditor")),
    "POST /api/admin/security-events/{event_id}/resolve/": always(only(200, "bank_admin")),
}

# What leaves no row in the trail (backend/tests/test_audit_coverage.py), and why.
UNRECORDED = {
    "DELETE /api/auth/sessions/": "here there are no others to end: test_own_sessions.py sees the row",
    "POST /api/auth/refresh/": "the session's row is the record; misuse is a security event and ends it",
    "POST /api/token/": "as /api/auth/refresh/",
    "POST /api/auth-status/": "it only says who is signed in",
    "POST /api/auth/ws-ticket/": "a credential for 30 s, part of a session that is recorded",
    "POST /api/auth/password/forgot/": "a job does it after the answer: test_password_reset.py sees the row",
    "POST /api/auth/password/reset/": "the table has no link that is good: test_password_reset.py sees the row",
    # The table has no authenticator app: test_two_factor.py has one, and sees the rows.
    "POST /api/auth/2fa/confirm/": "test_two_factor.py sees two_factor.enabled",
    "POST /api/auth/2fa/verify/": "proves a code and changes nothing but its counter; a wrong one counts as a failure",
    "POST /api/auth/2fa/disable/": "test_two_factor.py sees two_factor.disabled",
    "POST /api/auth/2fa/recovery-codes/": "test_two_factor.py sees two_factor.recovery_codes_renewed",
}


def _session_id(stage: Stage, owner: User, caller: Caller) -> str:
    return caller.sid if owner == caller.user else stage.session_of(owner).sid


def _entry_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    audit.record(actor_id=owner.pk, action="user.changed", target=owner, new={"name": "Ana"})
    return AuditLog.objects.get(pk=newest_row()).log_id


def _export_id(stage: Stage, owner: User, caller: Caller) -> uuid.UUID:
    """An archive that waits to be fetched."""
    with vault.incoming(kind="export") as file:
        file.write(b"a zip file")
        file.store()
        with unit_of_work():
            soon = datetime.now(UTC) + timedelta(days=1)
            stored = file.keep(owner_id=owner.pk)
            return PersonExport.objects.create(user=owner, state="READY", expires_at=soon, file=stored).pk


def _rule_notice_id(stage: Stage, owner: User, caller: Caller) -> int:
    day = datetime.now(UTC).date()
    change = RuleChange.objects.create(key=uuid.uuid4().hex, version=1, title="x", text="x", effective_on=day)
    return RuleNotice.objects.create(change=change, user=owner).pk


MAKERS = {
    "export_id": _export_id,
    "rule_notice_id": _rule_notice_id,
    "entry_id": _entry_id,
    "user_id": lambda stage, owner, caller: owner.pk,
    "session_id": _session_id,
    "log_id": lambda stage, owner, caller: LoginLog.objects.create(user=owner, description="x").pk,
    "event_id": lambda stage, owner, caller: (
        SecurityEvent.objects.create(event_type="X", severity="LOW", description="x").pk
    ),
}


def _email() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def _fresh() -> dict[str, Any]:
    return {"email": _email(), "first_name": "Ana", "last_name": "Banker", "password": WORDS}


def _known(stage: Stage, field: str) -> dict[str, str]:
    return {field: stage.desk.email, "password": PASSWORD}


BODIES = {
    "POST /api/register/": lambda stage: {**_fresh(), "username": uuid.uuid4().hex},
    "POST /api/users/register/": lambda stage: _fresh(),
    "POST /api/user/create/": lambda stage: {"email": _email(), "name": "Ana", "password": WORDS},
    "POST /api/superadmin/user/": lambda stage: _fresh(),
    "POST /api/login/": lambda stage: _known(stage, "email"),
    "POST /api/user/token/": lambda stage: _known(stage, "email"),
    "POST /api/users/login/": lambda stage: _known(stage, "username"),
    "POST /api/auth/login/": lambda stage: _known(stage, "username"),
    "POST /api/auth/refresh/": lambda stage: {"refresh": stage.session_of(stage.desk).refresh},
    "POST /api/auth/password/forgot/": lambda stage: {"email": stage.desk.email},
    "POST /api/auth/password/reset/": lambda stage: {"token": "no such link", "new_password": WORDS},
    "PUT /api/profile/": lambda stage: {"first_name": "Ana"},
    "PUT /api/user/me/": lambda stage: {"email": _email(), "name": "Ana", "password": WORDS},
    "PATCH /api/user/me/": lambda stage: {"name": "Ana"},
    "PUT /api/users/changepwd/": lambda stage: {"current_password": PASSWORD, "new_password": WORDS},
    "POST /api/profile/change-password/": lambda stage: {"old_password": PASSWORD, **CHANGE},
    "POST /api/auth/2fa/enrol/": lambda stage: {"password": PASSWORD},
    "POST /api/auth/2fa/confirm/": lambda stage: {"otp": "123456"},
    "POST /api/auth/2fa/verify/": lambda stage: {"otp": "123456"},
    "POST /api/auth/step-up/": lambda stage: {"action": "x", "parameters": {"amount": "10.00"}, "password": PASSWORD},
    "PATCH /api/auth/sessions/{session_id}/": lambda stage: {"name": "my phone"},
    "POST /api/users/loginLog/": lambda stage: LOG,
    "PUT /api/users/loginLog/{log_id}/": lambda stage: LOG,
    "PUT /api/superadmin/user/{user_id}/": lambda stage: {"first_name": "Ana"},
    "PUT /api/superadmin/user/block/{user_id}/": lambda stage: {"is_active": False},
}
