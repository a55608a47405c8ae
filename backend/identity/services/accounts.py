"""Making accounts, signing out, changing passwords: one set of rules behind every door."""

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.common.principal import CUSTOMER, Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits
from backend.identity.errors import BadCredentials, IdentifierTaken, PasswordRefused, RegistrationRefused
from backend.identity.models import PasswordReset, User
from backend.identity.services import roles, sessions

_USERNAME_RULE = "identity_user_username_with_at_is_own_email"
# What each constraint on users says to whoever runs into it: the field, and the words.
_REFUSALS = {
    "identity_user_email_unique": ("email", "A user with this email already exists."),
    "identity_user_username_unique": ("username", "A user with this username already exists."),
    _USERNAME_RULE: ("username", "A username with an @ must be the e-mail address."),
}


# What of a user is about the person: it goes to the trail's values, never to its facts.
PERSONAL = ("email", "username", "first_name", "last_name", "name", "phone_number")


def register_user(*, email: str, password: str, **names: str) -> User:
    """Make an account with the role CUSTOMER and return it. `names`: the fields of `insert_user`.

    Raises: RegistrationRefused (malformed or taken e-mail or username, unfit password), TooMany.
    """
    limits.take_for_address("registration")
    with unit_of_work():
        user = insert_user(email=email, password=password, **names)
        roles.assign_role(user=user, name=CUSTOMER, assigned_by=None)
        audit.record(actor_id=user.pk, action="user.registered", target=user, new=personal_values(user))
    return user


def insert_user(
    *,
    email: str,
    password: str,
    username: str = "",
    first_name: str = "",
    last_name: str = "",
    name: str = "",
    phone_number: str = "",
) -> User:
    """Store a user without any role, in the caller's unit of work. Raises: RegistrationRefused."""
    address = checked_email(email)
    user = User(
        email=address,
        username=username or address,
        first_name=first_name,
        last_name=last_name,
        name=name,
        phone_number=phone_number,
    )
    check_new_password(password, user=user, field="password", refusal=RegistrationRefused)
    user.set_password(password)
    save_user(user, is_new=True)
    return user


def personal_values(user: User, names: Iterable[str] = PERSONAL) -> dict[str, Any]:
    """Return what the audit trail keeps of a person as values that can be erased."""
    return {name: getattr(user, name) for name in names if name in PERSONAL}


def sign_out(*, actor: Principal) -> None:
    """End the caller's session."""
    sessions.end_session(user_id=actor.id, sid=actor.sid, reason="sign_out")


def change_password(*, actor: Principal, current_password: str, new_password: str) -> None:
    """Set a new password and end every session of the person, this one too: whoever stole one is out.

    Raises: BadCredentials (the current password is wrong), PasswordRefused.
    Locks: the user row.
    """
    with unit_of_work():
        user = User.objects.select_for_update(no_key=True).get(pk=actor.id)
        if not check_password(current_password, user.password):
            raise BadCredentials("The current password is incorrect.")
        check_new_password(new_password, user=user, field="new_password", refusal=PasswordRefused)
        user.set_password(new_password)
        user.save(update_fields=["password", "updated_at"])
        forget_reset_links(user)
        audit.record(actor_id=actor.id, action="user.password_changed", target=user)
        sessions.end_all_sessions(user_id=user.pk, reason="password_changed")


def forget_reset_links(user: User) -> None:
    """Make links that were mailed before worthless: to an address, or for a password, that is not the user's now."""
    PasswordReset.objects.filter(user=user, used_at=None).delete()


def check_new_password(
    password: str, *, user: User, field: str, refusal: type[RegistrationRefused] | type[PasswordRefused]
) -> None:
    """Raises: the given refusal, with every reason Django's validators have (K-10)."""
    try:
        validate_password(password, user)
    except ValidationError as fault:
        raise refusal(field, " ".join(fault.messages)) from fault


def check_s2_password(password: str, *, field: str) -> None:
    """The S2 door asks for an upper-case letter, a lower-case one and a digit too (S2-B3). Raises: PasswordRefused."""
    if not (re.search(r"[A-Z]", password) and re.search(r"[a-z]", password) and re.search(r"\d", password)):
        raise PasswordRefused(field, "Use upper-case and lower-case letters and at least one digit.")


def checked_email(email: str) -> str:
    """Return the address as it is stored: trimmed, its domain in lower case (S3-M1). Raises: RegistrationRefused."""
    address = User.objects.normalize_email(email.strip())
    try:
        validate_email(address)
    except ValidationError as fault:
        raise RegistrationRefused("email", "Enter a valid e-mail address.") from fault
    return address


def save_user(user: User, *, is_new: bool = False) -> None:
    """Store the user. Two at once with one e-mail meet in the unique index; the second is told it is taken.

    Raises: IdentifierTaken.
    """
    try:
        with transaction.atomic():
            user.save(force_insert=is_new)
    except IntegrityError as fault:
        broken = getattr(getattr(fault.__cause__, "diag", None), "constraint_name", None)
        if broken not in _REFUSALS:
            raise
        field, words = _REFUSALS[broken]
        raise (RegistrationRefused if broken == _USERNAME_RULE else IdentifierTaken)(field, words) from fault
