"""Managing accounts: the superadmin desk's hierarchy (S1-B8 to B10)."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import ProtectedError

from backend.audit import services as audit
from backend.common import hooks
from backend.common.errors import Conflict
from backend.common.principal import CUSTOMER, SUPPORT_AGENT, Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.errors import LastSuperuser, NotAllowedOnUser, UserUnknown
from backend.identity.models import User
from backend.identity.services import accounts, locks, roles, sessions

_HAS_HISTORY = "This account has a history that must stay; block it instead."
FLAGS = ("is_staff", "is_superuser", "is_active")


def create_user(
    *,
    actor: Principal,
    email: str,
    password: str,
    first_name: str,
    last_name: str,
    is_staff: bool = False,
    is_superuser: bool = False,
    is_active: bool = True,
) -> User:
    """Make an account of equal or lower level. A staff account is a support agent until told otherwise.

    Raises: NotAllowedOnUser (no staff, or staff asking for a superuser), RegistrationRefused.
    """
    _require_staff(actor)
    if is_superuser and not actor.is_superuser:
        raise NotAllowedOnUser("Only superusers make superusers.")
    with unit_of_work():
        user = accounts.insert_user(email=email, password=password, first_name=first_name, last_name=last_name)
        user.is_staff, user.is_superuser, user.is_active = is_staff, is_superuser, is_active
        user.save(update_fields=[*FLAGS, "updated_at"])
        giver = User.objects.get(pk=actor.id)
        roles.assign_role(user=user, name=SUPPORT_AGENT if is_staff else CUSTOMER, assigned_by=giver)
        facts = {"is_staff": is_staff}
        new = accounts.personal_values(user)
        audit.record(actor_id=actor.id, action="user.created", target=user, facts=facts, new=new)
    return user


def get_user(*, actor: Principal, user_id: int) -> User:
    """Return a user the actor may manage. Raises: UserUnknown, NotAllowedOnUser."""
    _require_staff(actor)
    return _manageable(actor, User.objects.filter(pk=user_id).first())


def update_user(*, actor: Principal, user_id: int, changes: dict[str, Any]) -> User:
    """Change names, e-mail (and with it the username) or flags, and return the user.

    Raises: UserUnknown, NotAllowedOnUser, LastSuperuser, RegistrationRefused (e-mail).
    Locks: what `is_last_superuser` does, then the user row, then what the listeners of `hooks.role_withdrawn` do.
    After commit: the new flags count at the person's next request; a block ends their sessions.
    """
    _require_staff(actor)
    with unit_of_work() as unit:
        stops = changes.get("is_superuser") is False or changes.get("is_active") is False
        is_last = stops and is_last_superuser(user_id)
        user = _manageable(actor, User.objects.select_for_update(no_key=True).filter(pk=user_id).first())
        if changes.get("is_superuser") and not actor.is_superuser:
            raise NotAllowedOnUser("Only superusers make superusers.")
        if is_last:
            raise LastSuperuser
        if "email" in changes:
            address = accounts.checked_email(changes["email"])
            changes = {**changes, "email": address, "username": address}  # The username follows (S1-R32).
        before = {name: getattr(user, name) for name in changes}
        for name, value in changes.items():
            setattr(user, name, value)
        accounts.save_user(user)
        if before.get("email", user.email) != user.email:
            accounts.forget_reset_links(user)
        flags = {name: value for name, value in changes.items() if name in FLAGS and before[name] != value}
        fields = sorted(name for name in changes if before[name] != changes[name])
        facts = {"fields": fields, **flags}
        old, new = ({k: v for k, v in side.items() if k in fields and k not in FLAGS} for side in (before, changes))
        audit.record(actor_id=actor.id, action="user.changed", target=user, facts=facts, old=old, new=new)
        sessions.principal_changed(unit, user_id=user.pk)
        if flags.get("is_active") is False:
            sessions.end_all_sessions(user_id=user.pk, reason="blocked")
            hooks.role_withdrawn(hooks.Withdrawal(user.pk, user.get_short_name(), None, actor.id))
        if changes.get("is_active") is True:  # Also of an account that was locked but not blocked (K-20).
            locks.unlock(user=user, by_id=actor.id)
    user.refresh_from_db()
    return user


def delete_user(*, actor: Principal, user_id: int) -> None:
    """Delete an account that nothing refers to; one with a history is to be blocked or erased instead.

    Its sessions and the log of its sign-ins stay, under its number (BUG-S1-27).
    Raises: UserUnknown, NotAllowedOnUser (also for oneself), LastSuperuser, Conflict.
    """
    _require_staff(actor)
    if user_id == actor.id:
        raise NotAllowedOnUser("Nobody deletes their own account here.")
    with unit_of_work():
        is_last = is_last_superuser(user_id)
        user = _manageable(actor, User.objects.select_for_update(no_key=True).filter(pk=user_id).first())
        if is_last:
            raise LastSuperuser
        sessions.end_all_sessions(user_id=user.pk, reason="deleted")
        hooks.role_withdrawn(hooks.Withdrawal(user.pk, user.get_short_name(), None, actor.id))
        old = accounts.personal_values(user)
        audit.record(actor_id=actor.id, action="user.deleted", target=user, old=old)
        if LogEntry.objects.filter(user=user).exists():  # What they did on the admin site would go with them.
            raise Conflict(_HAS_HISTORY)
        try:
            with transaction.atomic():
                user.delete()
        except ProtectedError as fault:
            raise Conflict(_HAS_HISTORY) from fault


def is_last_superuser(user_id: int) -> bool:
    """Whether nobody would be left who can undo things (BUG-S1-6).

    Locks: all active superusers, by id, if the user is one. Called before anything else locks a user row, so that
    two superusers who demote each other come one after the other.
    """
    if not User.objects.filter(pk=user_id, is_superuser=True).exists():
        return False
    active = User.objects.select_for_update(no_key=True).filter(is_superuser=True, is_active=True).order_by("pk")
    return list(active.values_list("pk", flat=True)) == [user_id]


def _require_staff(actor: Principal) -> None:
    if not (actor.is_staff or actor.is_superuser):
        raise NotAllowedOnUser("Only staff manage accounts.")


def _manageable(actor: Principal, user: User | None) -> User:
    if user is None:
        raise UserUnknown
    if not actor.is_superuser and (user.is_staff or user.is_superuser):
        raise NotAllowedOnUser
    return user
