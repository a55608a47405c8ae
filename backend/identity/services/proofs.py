"""Proving again, while signed in, that one is who the session says: whoever stole a token cannot.

What fails counts on the same counters as a failed sign-in and locks after as many (design.md section 3), so neither a
password nor a code can be guessed here. A refusal is no 401: an app would renew its token and send the same again.
"""

from collections.abc import Callable
from typing import NoReturn

from django.contrib.auth.hashers import check_password

from backend.common.errors import Locked
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits
from backend.identity.errors import OtpInvalid, OtpRequired, ProofRefused
from backend.identity.models import User
from backend.identity.services import factors, locks


def prove(*, user: User, otp: str, device_token: str, password: str = "") -> str:
    """Have the person show a code if they have enrolled, else their password; return which of them it was.

    Raises: ProofRefused (`otp_required`, `otp_invalid`, `password_required`, `bad_credentials`), Locked, TooMany. A
    failure is counted and kept, so this is called before the caller's unit of work.
    """
    device = factors.find_device(user.pk)
    if device is None:
        prove_password(user=user, password=password, device_token=device_token)
        return "password"
    if not otp:
        raise ProofRefused(OtpRequired.code, OtpRequired.detail)
    _check(
        lambda: factors.accept_code(user=user, device=device, code=otp),
        user=user,
        device_token=device_token,
        refusal=ProofRefused(OtpInvalid.code, OtpInvalid.detail),
    )
    return "otp"


def prove_password(*, user: User, password: str, device_token: str) -> None:
    """Have the person show their password. Raises: as `prove`."""
    if not password:
        raise ProofRefused("password_required", "Send your password as `password`.")
    _check(
        lambda: check_password(password, user.password),
        user=user,
        device_token=device_token,
        refusal=ProofRefused("bad_credentials", "The password is incorrect."),
    )


def prove_new_code(*, user: User, accepts: Callable[[], bool], device_token: str) -> None:
    """Have the person show a code of an app that does not count yet. Raises: as `prove`."""
    refusal = ProofRefused(OtpInvalid.code, OtpInvalid.detail)
    _check(accepts, user=user, device_token=device_token, refusal=refusal)


def _check(right: Callable[[], bool], *, user: User, device_token: str, refusal: ProofRefused) -> None:
    limits.take_for_address("sign_in", cost=0)
    gate = locks.gate_of(identifier=user.email, user=user, device_token=device_token)
    if gate.is_locked:
        raise Locked("Locked after too many failures. Try again later.")
    if not right():
        _refuse(gate, user, refusal)
    locks.forget_failures(gate=gate)


def _refuse(gate: locks.Gate, user: User, refusal: ProofRefused) -> NoReturn:
    with unit_of_work():
        locks.count_failure(gate=gate, user=user)
    limits.take_for_address("sign_in")
    raise refusal
