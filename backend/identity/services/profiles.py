"""What people change about themselves."""

from typing import Any

from backend.audit import services as audit
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.errors import PasswordRefused
from backend.identity.models import User
from backend.identity.services import accounts, sessions


def update_profile(*, actor: Principal, changes: dict[str, Any]) -> User:
    """Change the caller's names, phone, e-mail or password, whichever are given, and return the user.

    A new e-mail becomes the username too where the username was the old one. A new password ends every session.
    Raises: RegistrationRefused (e-mail malformed or taken), PasswordRefused.
    Locks: the user row. After commit: the new name shows at the next request and event.
    """
    with unit_of_work() as unit:
        user = User.objects.select_for_update(no_key=True).get(pk=actor.id)
        changes = dict(changes)
        password = changes.pop("password", None)
        if "email" in changes:
            address = accounts.checked_email(changes["email"])
            changes["email"] = address
            if "@" in user.username:
                changes["username"] = address
        changed = sorted(name for name, value in changes.items() if getattr(user, name) != value)
        old, new = {name: getattr(user, name) for name in changed}, {name: changes[name] for name in changed}
        for name, value in changes.items():
            setattr(user, name, value)
        if password is not None:
            accounts.check_new_password(password, user=user, field="password", refusal=PasswordRefused)
            user.set_password(password)
            changed.append("password")
        if not changed:
            return user
        accounts.save_user(user)
        if {"email", "password"} & set(changed):
            accounts.forget_reset_links(user)
        facts = {"fields": changed}
        audit.record(actor_id=actor.id, action="user.changed", target=user, facts=facts, old=old, new=new)
        sessions.principal_changed(unit, user_id=user.pk)
        if password is not None:
            sessions.end_all_sessions(user_id=user.pk, reason="password_changed")
    return user
