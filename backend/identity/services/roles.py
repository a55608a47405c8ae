"""Giving and withdrawing roles."""

from collections.abc import Mapping
from datetime import UTC, datetime

from backend.audit import services as audit
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import Role, User, UserRole
from backend.identity.services import sessions


def assign_role(*, user: User, name: str, assigned_by: User | None) -> UserRole:
    """Give a person a role, or switch a withdrawn one on again. Repeating it changes nothing.

    After commit: the person's principal carries the role at the next request and event.
    """
    with unit_of_work() as unit:
        role = Role.objects.get(name=name)
        held, fresh = UserRole.objects.get_or_create(user=user, role=role, defaults={"assigned_by": assigned_by})
        if not fresh and held.is_active:
            return held
        if not fresh:
            held.is_active = True
            held.assigned_by, held.assigned_at = assigned_by, datetime.now(UTC)
            held.save(update_fields=["is_active", "assigned_by", "assigned_at"])
        actor_id = assigned_by.pk if assigned_by else user.pk
        audit.record(actor_id=actor_id, action="role.assigned", target=user, facts={"role": name})
        sessions.principal_changed(unit, user_id=user.pk)
    return held


def change_role(*, role: Role, changed_by: User, fields: list[str]) -> None:
    """Store a changed or new role. Switching it on or off counts at the next request of each who holds it.

    Locks: the rows of those users, by id; then what the listeners of `hooks.role_withdrawn` do.
    """
    with unit_of_work() as unit:
        role.save()
        audit.record(actor_id=changed_by.pk, action="role.changed", target=role, facts={"fields": sorted(fields)})
        if "is_active" not in fields:
            return
        held = UserRole.objects.filter(role=role, is_active=True).order_by("user_id").select_related("user")
        holders = [one.user for one in held]
        for user in holders:
            sessions.principal_changed(unit, user_id=user.pk)
        for user in holders if not role.is_active else []:  # After all user rows are locked: those come first.
            _tell_withdrawn(user, role.name, changed_by)


def restore_roles(*, standard: Mapping[str, tuple[str, list[str]]]) -> list[str]:
    """Make the roles of these names, with description and permissions, that are not there; return which those were."""
    made = []
    with unit_of_work():
        for name, (description, permissions) in standard.items():
            role, is_new = Role.objects.get_or_create(
                name=name, defaults={"description": description, "permissions": permissions}
            )
            if is_new:
                audit.record(actor_id=None, action="role.restored", target=role)
                made.append(name)
    return made


def withdraw_role(*, user: User, name: str, withdrawn_by: User | None) -> None:
    """Take a role away. Repeating it changes nothing. Sessions stay; the role is gone at the next request and event.

    Locks: the user row, then what the listeners of `hooks.role_withdrawn` do.
    """
    with unit_of_work() as unit:
        withdrawn = UserRole.objects.filter(user=user, role__name=name, is_active=True).update(is_active=False)
        if withdrawn:
            actor_id = withdrawn_by.pk if withdrawn_by else None
            audit.record(actor_id=actor_id, action="role.withdrawn", target=user, facts={"role": name})
            sessions.principal_changed(unit, user_id=user.pk)
            _tell_withdrawn(user, name, withdrawn_by)


def _tell_withdrawn(user: User, role: str, by: User | None) -> None:
    hooks.role_withdrawn(hooks.Withdrawal(user.pk, user.get_short_name(), role, by.pk if by else None))
