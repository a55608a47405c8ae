"""Making accounts, signing in, changing passwords: one set of rules behind every door."""

import re
import secrets
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from backend.audit import services as audit
from backend.common import request_context
from backend.common.principal import CUSTOMER, Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits
from backend.identity.errors import AccountBlocked, AccountLocked, BadCredentials, PasswordRefused, RegistrationRefused
from backend.identity.models import LoginLog, User
from backend.identity.services import locks, roles, sessions
from backend.identity.services.sessions import TokenPair


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    tokens: TokenPair
    device_token: str


def register_user(*, email: str, password: str, **names: str) -> User:
    """Make an account with the role CUSTOMER and return it. `names`: the fields of `insert_user`.

    Raises: RegistrationRefused (malformed or taken e-mail or username, unfit password), TooMany.
    """
    limits.take_for_address("registration")
    with unit_of_work():
        user = insert_user(email=email, password=password, **names)
        roles.assign_role(user=user, name=CUSTOMER, assigned_by=None)
        audit.record(actor_id=user.pk, action="user.registered", target=user)
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
    address = checked_email(email)["email"]
    user = User(
        email=address,
        username=username or address,
        first_name=first_name,
        last_name=last_name,
        name=name,
        phone_number=phone_number,
    )
    if "@" in user.username and user.username.lower() != user.email.lower():
        raise RegistrationRefused("username", "A username with an @ must be the account's own e-mail address.")
    check_new_password(password, user=user, field="password", refusal=RegistrationRefused)
    user.set_password(password)
    save_user(user, is_new=True)
    return user


def sign_in(*, identifier: str, password: str, door: str, platform: str = "", device_token: str = "") -> SignedIn:
    """Check the password and open a session. Every attempt is logged, with the platform and the outcome (S1-B3).

    An unknown, a locked and a real account cost the same hash and get the same answer, so neither the answer nor its
    time tells anything (E-S1-3).
    Raises: BadCredentials; AccountLocked (a BadCredentials); AccountBlocked, after the right password only; TooMany,
    when this address failed too often.
    """
    limits.take_for_address("sign_in", cost=0)
    user = find_by_identifier(identifier)
    gate = locks.gate_of(identifier=identifier, user=user, device_token=device_token)
    right = check_password(password, user.password if user else _decoy_hash()) and user is not None
    if user is None or not right or gate.is_locked:
        _refuse(user, gate, platform)
    if not user.is_active:
        _log(user, platform, successful=False, description="Login Failed: blocked")
        raise AccountBlocked
    with unit_of_work():
        pair = sessions.open_session(user=user, door=door, platform=platform)
        User.objects.filter(pk=user.pk).update(last_login=Now(), last_login_ip=request_context.current().ip)
        _log(user, platform, successful=True, description="Login Successful")
        locks.forget_failures(gate=gate, user=user)
        audit.record(actor_id=user.pk, action="session.opened", target=user, facts={"sid": pair.sid, "door": door})
    return SignedIn(user, pair, locks.new_device_token(user, device_token))


def _refuse(user: User | None, gate: locks.Gate, platform: str) -> NoReturn:
    with unit_of_work():
        _log(user, platform, successful=False, description="Login Failed")
        locks.count_failure(gate=gate, user=user)
    limits.take_for_address("sign_in")
    raise AccountLocked if gate.is_locked else BadCredentials


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
        audit.record(actor_id=actor.id, action="user.password_changed", target=user)
        sessions.end_all_sessions(user_id=user.pk, reason="password_changed")


def find_by_identifier(identifier: str) -> User | None:
    """Return the user with this e-mail or username; upper case and outer spaces do not matter (E-S1-1, K-4).

    One holding an @ is an e-mail: the table forbids a username with another's address.
    """
    wanted = identifier.strip()
    if not wanted or "\x00" in wanted:
        return None
    by = "email__iexact" if "@" in wanted else "username__iexact"
    return User.objects.filter(**{by: wanted}).first()


def check_new_password(
    password: str, *, user: User, field: str, refusal: type[RegistrationRefused] | type[PasswordRefused]
) -> None:
    """Raises: the given refusal, with every reason Django's validators have (K-10)."""
    try:
        validate_password(password, user)
    except ValidationError as fault:
        raise refusal(field, " ".join(fault.messages)) from fault


def checked_email(email: str) -> dict[str, str]:
    """Return the columns that a new e-mail sets: the address, and the username, which follows it.

    Raises: RegistrationRefused.
    """
    address = User.objects.normalize_email(email.strip())
    try:
        validate_email(address)
    except ValidationError as fault:
        raise RegistrationRefused("email", "Enter a valid e-mail address.") from fault
    return {"email": address, "username": address}


def check_s2_password(password: str, *, field: str) -> None:
    """The S2 door asks for an upper-case letter, a lower-case one and a digit too (S2-B3). Raises: PasswordRefused."""
    if not (re.search(r"[A-Z]", password) and re.search(r"[a-z]", password) and re.search(r"\d", password)):
        raise PasswordRefused(field, "Use upper-case and lower-case letters and at least one digit.")


def save_user(user: User, *, is_new: bool = False) -> None:
    """Store the user. Two at once with one e-mail meet in the unique index; the second is told it is taken.

    Raises: RegistrationRefused.
    """
    try:
        with transaction.atomic():
            user.save(force_insert=is_new)
    except IntegrityError as fault:
        taken = "username" if "username" in str(fault) and "@" not in user.username else "email"
        raise RegistrationRefused(taken, f"A user with this {taken} already exists.") from fault


def _log(user: User | None, platform: str, *, successful: bool, description: str) -> None:
    ip = request_context.current().ip
    LoginLog.objects.create(
        user=user, platform_os=platform[:50], ip_address=ip, successful=successful, description=description
    )


@cache
def _decoy_hash() -> str:
    """Return a hash made by the hasher in use: checking a password against it costs what a real check costs."""
    return make_password(secrets.token_urlsafe())
