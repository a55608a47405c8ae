"""Signing in: one way to check a password and open a session, behind every door and the admin site."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from django.contrib.auth.hashers import check_password, make_password
from django.db.models.functions import Now

from backend.audit import services as audit
from backend.common import request_context
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits
from backend.identity.errors import (
    AccountBlocked,
    AccountLocked,
    BadCredentials,
    NotAdmitted,
    OtpInvalid,
    OtpRequired,
)
from backend.identity.models import LoginLog, TotpDevice, User
from backend.identity.services import factors, locks, sessions
from backend.identity.services.sessions import TokenPair


@dataclass(frozen=True, slots=True)
class Checked:
    """Whose password it was, the counter that the attempt ran on, and the app that a code was asked of."""

    user: User
    gate: locks.Gate
    device: TotpDevice | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    tokens: TokenPair
    device_token: str


def sign_in(
    *,
    identifier: str,
    password: str,
    door: str,
    platform: str = "",
    device_token: str = "",
    otp: str = "",
    admits: Callable[[User], bool] | None = None,
) -> SignedIn:
    """Check the password, and the code of whoever enrolled, and open a session.

    Every attempt is logged, with the platform and the outcome (S1-B3). `admits` says for whom the door is; whoever it
    is not for keeps the sessions they have.

    Raises: what `check_credentials` raises, and NotAdmitted.
    Locks: the user row, so that a change of the password comes before, or ends this session too.
    After commit: `session.revoked` for sessions beyond the number a customer may have.
    """
    checked = check_credentials(
        identifier=identifier, password=password, platform=platform, device_token=device_token, otp=otp
    )
    user = checked.user
    if admits is not None and not admits(user):
        _log(user, platform, successful=False, description="Login Failed: not admitted")
        raise NotAdmitted
    try:
        pair = _open_session(checked, door, platform)
    except BadCredentials:
        _log(user, platform, successful=False, description="Login Failed")
        raise
    return SignedIn(user, pair, locks.new_device_token(user, device_token))


def _open_session(checked: Checked, door: str, platform: str) -> TokenPair:
    """Open the session, unless the password was changed or the account blocked since both were looked at."""
    user = checked.user
    with unit_of_work():
        as_checked = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
        if as_checked.select_for_update(no_key=True).first() is None:
            raise BadCredentials
        if locks.is_locked(checked.gate.key):  # By guesses made beside this one, while it was being checked.
            raise AccountLocked
        pair = sessions.open_session(user=user, door=door, platform=platform)
        User.objects.filter(pk=user.pk).update(last_login=Now(), last_login_ip=request_context.current().ip)
        _log(user, platform, successful=True, description="Login Successful")
        locks.forget_failures(gate=checked.gate)
        audit.record(actor_id=user.pk, action="session.opened", target=user, facts={"sid": pair.sid, "door": door})
    return pair


def check_credentials(
    *, identifier: str, password: str, platform: str = "", device_token: str = "", otp: str = ""
) -> Checked:
    """Return whose password this is. A failure is logged and counted.

    An unknown, a locked and a real account cost the same hash and get the same answer, so neither the answer nor its
    time tells anything (E-S1-3).
    Raises: BadCredentials; AccountLocked (a BadCredentials); AccountBlocked, OtpRequired and OtpInvalid, after the
    right password only; TooMany, when this address failed too often.
    """
    limits.take_for_address("sign_in", cost=0)
    user = find_by_identifier(identifier)
    gate = locks.gate_of(identifier=identifier, user=user, device_token=device_token)
    right = check_password(password, user.password if user else _decoy_hash())
    if user is None or not right or gate.is_locked:
        _refuse(user, gate, platform)
    if not user.is_active:
        _log(user, platform, successful=False, description="Login Failed: blocked")
        raise AccountBlocked
    device = factors.find_device(user.pk)
    if device is not None:
        _take_code(user, device, otp, gate, platform)
    return Checked(user, gate, device)


def admit_staff(checked: Checked, *, platform: str) -> bool:
    """Let staff into the admin site, which keeps sessions of its own; return whether it is staff. Logged as any."""
    user = checked.user
    with unit_of_work():
        if not user.is_staff:
            _log(user, platform, successful=False, description="Login Failed: not staff")
            return False
        _log(user, platform, successful=True, description="Login Successful")
        User.objects.filter(pk=user.pk).update(last_login_ip=request_context.current().ip)
        locks.forget_failures(gate=checked.gate)
        audit.record(actor_id=user.pk, action="session.opened", target=user, facts={"door": "admin"})
    return True


def find_by_identifier(identifier: str) -> User | None:
    """Return the user with this e-mail or username; upper case and outer spaces do not matter (E-S1-1, K-4).

    One holding an @ is an e-mail: the table forbids a username with another's address.
    """
    wanted = identifier.strip()
    if not wanted or "\x00" in wanted:
        return None
    return User.objects.known_by("email" if "@" in wanted else "username", wanted).first()


def _take_code(user: User, device: TotpDevice, otp: str, gate: locks.Gate, platform: str) -> None:
    """Take the code of whoever enrolled. A missing one is not counted, a wrong or used one is as a wrong password is.

    Raises: OtpRequired, OtpInvalid, TooMany.
    """
    if not otp:
        _log(user, platform, successful=False, description="Login Failed: code needed")
        raise OtpRequired
    if factors.accept_code(user=user, device=device, code=otp):
        return
    with unit_of_work():
        _log(user, platform, successful=False, description="Login Failed: wrong code")
        locks.count_failure(gate=gate, user=user)
    limits.take_for_address("sign_in")
    raise OtpInvalid


def _refuse(user: User | None, gate: locks.Gate, platform: str) -> NoReturn:
    with unit_of_work():
        _log(user, platform, successful=False, description="Login Failed")
        locks.count_failure(gate=gate, user=user)
    limits.take_for_address("sign_in")
    raise AccountLocked if gate.is_locked else BadCredentials


def _log(user: User | None, platform: str, *, successful: bool, description: str) -> None:
    ip = request_context.current().ip
    LoginLog.objects.create(
        user=user, platform_os=platform[:50], ip_address=ip, successful=successful, description=description
    )


@cache
def _decoy_hash() -> str:
    """Return a hash made by the hasher in use: checking a password against it costs what a real check costs."""
    return make_password(secrets.token_urlsafe())
