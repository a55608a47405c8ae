"""`manage.py load_demo`: the six demo accounts, and `var/demo.json` that tells of them."""

import hashlib
import json
import os
import secrets
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from rest_framework_api_key.models import APIKey

from backend.audit import services as audit
from backend.common import hooks
from backend.common.principal import AUDITOR, BANK_ADMIN, CUSTOMER, SUPPORT_AGENT
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.identity.permissions import usable_key
from backend.identity.services import roles, sessions

DEMO_KEY = "demo partner"
# Account -> first name, last name, role, staff, superuser. The manager's bank comes with the banking slice.
ACCOUNTS: dict[str, tuple[str, str, str, bool, bool]] = {
    "customer": ("Carla", "Customer", CUSTOMER, False, False),
    "agent": ("Amir", "Agent", SUPPORT_AGENT, True, False),
    "bank_admin": ("Bea", "Banker", BANK_ADMIN, True, False),
    "auditor": ("Aude", "Auditor", AUDITOR, True, False),
    "manager": ("Mona", "Manager", "", False, False),
    "superuser": ("Sam", "Super", "", True, True),
}


class Command(BaseCommand):
    help = "Make the demo accounts (again), and write their addresses and password to var/demo.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", default="http://127.0.0.1:8000")
        parser.add_argument("--file", type=Path, default=settings.DEMO_FILE)

    def handle(self, *args: Any, base_url: str, file: Path, **options: Any) -> None:
        password = (
            settings.DEMO_PASSWORD
            or _kept(file, "accounts", "customer", "password")
            or f"demo-{secrets.token_urlsafe(9)}"
        )
        # Checking six passwords takes seconds by design; what is as the last run left it need not be checked.
        checked = _state(password) == _kept_state(file)
        users = {name: _demo_account(name, password, is_checked=checked) for name in ACCOUNTS}
        key = _demo_key(file)
        hooks.demo_loaded(hooks.Demo({name: user.pk for name, user in users.items()}, key.partition(".")[0]))
        accounts = {name: {"email": user.email, "password": password} for name, user in users.items()}
        _write(file, {"base_url": base_url, "accounts": accounts, "api_key": key})
        _state_file(file).write_text(_state(password))
        self.stdout.write(f"demo accounts are in {file}")


def _demo_account(name: str, password: str, *, is_checked: bool) -> User:
    """Return the account, made or brought back to what the demo needs."""
    first_name, last_name, role, is_staff, is_superuser = ACCOUNTS[name]
    email = _email(name)
    with unit_of_work():
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(email, password, first_name=first_name, last_name=last_name)
            audit.record(actor_id=None, action="user.created", target=user, facts={"is_demo": True})
        elif not is_checked and not user.check_password(password):
            user.set_password(password)
            audit.record(actor_id=None, action="user.password_changed", target=user, facts={"is_demo": True})
            sessions.end_all_sessions(user_id=user.pk, reason="password_changed")
        user.is_staff, user.is_superuser, user.is_active = is_staff, is_superuser, True
        user.save()
        if role:
            roles.assign_role(user=user, name=role, assigned_by=None)
    return user


def _email(name: str) -> str:
    return f"{name.replace('_', '.')}@demo.ease.example"


def _state(password: str) -> str:
    """Return what stays the same as long as neither the password nor what is stored of it changes."""
    stored = User.objects.filter(email__in=[_email(name) for name in ACCOUNTS]).order_by("email")
    facts = [password, *stored.values_list("password", flat=True)]
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


def _state_file(file: Path) -> Path:
    return file.with_suffix(".state")


def _kept_state(file: Path) -> str:
    try:
        return _state_file(file).read_text()
    except FileNotFoundError:
        return ""


def _demo_key(file: Path) -> str:
    """Return the demo's API key: the one of an earlier run while it works, else a new one."""
    kept = _kept(file, "api_key")
    if kept and usable_key(kept):
        return kept
    with unit_of_work():
        APIKey.objects.filter(name=DEMO_KEY, revoked=False).update(revoked=True)
        made, key = APIKey.objects.create_key(name=DEMO_KEY)
        audit.record(actor_id=None, action="api_key.created", facts={"prefix": made.prefix, "is_demo": True})
    return str(key)


def _kept(file: Path, *path: str) -> str:
    """Return what an earlier run wrote, so that what people noted down stays true."""
    try:
        found: Any = json.loads(file.read_text())
        for name in path:
            found = found[name]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(found)


def _write(file: Path, content: dict[str, Any]) -> None:
    """Replace the file as a whole, readable by its owner only: it holds passwords."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=file.parent, prefix=".demo-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as out:
        json.dump(content, out, indent=2)
    Path(draft).replace(file)
