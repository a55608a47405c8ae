"""Making accounts, signing in, changing passwords: one set of rules behind every door."""

import secrets
from dataclasses import dataclass
from functools import cache

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
from backend.identity.errors import AccountBlocked, BadCredentials, PasswordRefused, RegistrationRefused
from backend.identity.models import LoginLog, User
from backend.identity.services import roles, sessions
from backend.identity.services.sessions import TokenPair

# What each constraint on users says to whoever runs into it: the field, and the words.
_REFUSALS = {
    "identity_user_email_unique": ("email", "A user with this email already exists."),
    "identity_user_username_unique": ("username", "A user with this username already exists."),
    "identity_user_username_with_at_is_own_email": ("username", "A username with an @ must be the e-mail address."),
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    tokens: TokenPair


def register_user(*, email: str, password: str, username: str = "", first_name: str = "", last_name: str = "") -> User:
    """Make an account with the role CUSTOMER and return it.

    Raises: RegistrationRefused (malformed or taken e-mail or username, unfit password).
    """
    email = User.objects.normalize_email(email.strip())
    _check_email(email)
    user = User(email=email, username=username or email, first_name=first_name, last_name=last_name)
    check_new_password(password, user=user, field="password", refusal=RegistrationRefused)
    user.set_password(password)
    with unit_of_work():
        _insert(user)
        roles.assign_role(user=user, name=CUSTOMER, assigned_by=None)
        audit.record(actor_id=user.pk, action="user.registered", target=user)
    return user


def sign_in(*, identifier: str, password: str, door: str, platform: str = "") -> SignedIn:
    """Check the password and open a session. Every attempt is logged, with the platform and the outcome (S1-B3).

    An unknown account costs the same hash as a known one, so the answer's time tells nothing (E-S1-3).
    Raises: BadCredentials; AccountBlocked, after the right password only.
    """
    user = find_by_identifier(identifier)
    hashed = user.password if user else _decoy_hash()
    right = check_password(password, hashed) and user is not None
    if user is None or not right:
        _log(user, platform, successful=False, description="Login Failed")
        raise BadCredentials
    if not user.is_active:
        _log(user, platform, successful=False, description="Login Failed: blocked")
        raise AccountBlocked
    try:
        return SignedIn(user, _open_session(user, door, platform))
    except BadCredentials:
        _log(user, platform, successful=False, description="Login Failed")
        raise


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
    return User.objects.known_by("email" if "@" in wanted else "username", wanted).first()


def check_new_password(
    password: str, *, user: User, field: str, refusal: type[RegistrationRefused] | type[PasswordRefused]
) -> None:
    """Raises: the given refusal, with every reason Django's validators have (K-10)."""
    try:
        validate_password(password, user)
    except ValidationError as fault:
        raise refusal(field, " ".join(fault.messages)) from fault


def _open_session(user: User, door: str, platform: str) -> TokenPair:
    """Open the session, unless the password was changed or the account blocked since both were looked at.

    Raises: BadCredentials.
    Locks: the user row, so that a change of the password comes before, or ends this session too.
    """
    with unit_of_work():
        as_checked = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
        if as_checked.select_for_update(no_key=True).first() is None:
            raise BadCredentials
        pair = sessions.open_session(user=user, door=door, platform=platform)
        User.objects.filter(pk=user.pk).update(last_login=Now(), last_login_ip=request_context.current().ip)
        _log(user, platform, successful=True, description="Login Successful")
        audit.record(actor_id=user.pk, action="session.opened", target=user, facts={"sid": pair.sid, "door": door})
    return pair


def _check_email(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError as fault:
        raise RegistrationRefused("email", "Enter a valid e-mail address.") from fault


def _insert(user: User) -> None:
    """Store the user. Two registrations at once meet in the unique index; the second is told it is taken."""
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as fault:
        broken = getattr(getattr(fault.__cause__, "diag", None), "constraint_name", None)
        if broken not in _REFUSALS:
            raise
        raise RegistrationRefused(*_REFUSALS[broken]) from fault


def _log(user: User | None, platform: str, *, successful: bool, description: str) -> None:
    ip = request_context.current().ip
    LoginLog.objects.create(
        user=user, platform_os=platform[:50], ip_address=ip, successful=successful, description=description
    )


@cache
def _decoy_hash() -> str:
    """Return a hash made by the hasher in use: checking a password against it costs what a real check costs."""
    return make_password(secrets.token_urlsafe())
