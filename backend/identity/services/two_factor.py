"""The second factor's life: enrolled, confirmed, checked, its recovery codes renewed, disabled (S2-B36, E-S2).

A token alone enrols nobody: it takes the password. Nor does it disable: that takes a step-up token, and so a code.
None of this ends a session.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from backend.audit import services as audit
from backend.common import jobs
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.identity import tasks
from backend.identity.errors import AlreadyEnrolled, NotEnrolled
from backend.identity.models import TotpDevice, User
from backend.identity.services import factors, proofs, step_up
from backend.notifications import services as notifications
from backend.notifications.notices import Notice, RecoveryCodesRenewed, TwoFactorDisabled, TwoFactorEnabled

ISSUER = "Ease"
SECRET_BYTES = 20
DISABLE = "two_factor.disable"
RENEW_CODES = "two_factor.renew_recovery_codes"


@dataclass(frozen=True, slots=True)
class Status:
    enabled: bool
    confirmed_at: datetime | None
    recovery_codes_left: int


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an app needs to know; shown once, never stored readable."""

    secret: str
    otpauth_uri: str


def get_status(*, actor: Principal) -> Status:
    device = factors.find_device(actor.id)
    if device is None:
        return Status(False, None, 0)
    return Status(True, device.confirmed_at, factors.codes_left(actor.id))


def enrol(*, actor: Principal, password: str, device_token: str = "") -> Enrolment:
    """Make a secret for an app, which counts once it is confirmed. Another one that waited is worthless then.

    Raises: AlreadyEnrolled, and what `proofs.prove_password` raises. Locks: the user row.
    """
    user = User.objects.get(pk=actor.id)
    if factors.is_enrolled(user.pk):
        raise AlreadyEnrolled
    proofs.prove_password(user=user, password=password, device_token=device_token)
    secret = secrets.token_bytes(SECRET_BYTES)
    with unit_of_work():
        User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
        if factors.is_enrolled(user.pk):
            raise AlreadyEnrolled
        TotpDevice.objects.filter(user=user, confirmed=False).delete()
        device = TotpDevice(user=user, name="Authenticator app", confirmed=False)
        device.seal(secret)
        device.save()
        audit.record(actor_id=user.pk, action="two_factor.enrolment_begun", target=user)
    return _enrolment(user, secret)


def confirm(*, actor: Principal, otp: str, device_token: str = "") -> list[str]:
    """Make the app count, by its first code, and return the recovery codes: they are shown this once.

    Raises: AlreadyEnrolled, NotEnrolled (nothing waits), and what `proofs.prove_new_code` raises. Locks: the device.
    After commit: `two_factor.enabled` to the person, and a mail.
    """
    user = User.objects.get(pk=actor.id)
    if factors.is_enrolled(user.pk):
        raise AlreadyEnrolled
    waiting = TotpDevice.objects.filter(user=user, confirmed=False).first()
    if waiting is None:
        raise NotEnrolled("There is nothing to confirm. Enrol first.")
    proofs.prove_new_code(user=user, accepts=lambda: waiting.verify_token(otp.strip()), device_token=device_token)
    with unit_of_work() as unit:
        won = TotpDevice.objects.filter(pk=waiting.pk, confirmed=False)
        if not won.update(confirmed=True, confirmed_at=datetime.now(UTC)):
            raise AlreadyEnrolled
        codes = factors.replace_recovery_codes(user)
        _tell(unit, user, "2FA_ENABLED", "two_factor.enabled", TwoFactorEnabled())
    return codes


def verify(*, actor: Principal, otp: str, device_token: str = "") -> None:
    """Check a code, and use it up: for whoever wants to know that their app works.

    Raises: NotEnrolled, and what `proofs.prove` raises.
    """
    user = User.objects.get(pk=actor.id)
    if not factors.is_enrolled(user.pk):
        raise NotEnrolled
    proofs.prove(user=user, otp=otp, device_token=device_token)


def renew_recovery_codes(*, actor: Principal, step_up_token: str) -> list[str]:
    """Make new recovery codes, shown this once; the earlier ones are worthless.

    Raises: NotEnrolled, StepUpRequired. Locks: the user row. After commit: a notice and a mail.
    """
    with unit_of_work() as unit:
        user = _enrolled(actor)
        step_up.require(actor=actor, action=RENEW_CODES, parameters={}, token=step_up_token)
        codes = factors.replace_recovery_codes(user)
        notice = RecoveryCodesRenewed()
        audit.record(actor_id=user.pk, action=notice.kind, target=user)
        notifications.tell(unit, topics=[notifications.inbox_of(user.pk)], notice=notice)
        jobs.enqueue(tasks.mail_about_security, user_id=user.pk, what=notice.kind)
    return codes


def disable(*, actor: Principal, step_up_token: str) -> None:
    """Go back to the password alone. Recovery codes go, too.

    Raises: NotEnrolled, StepUpRequired. Locks: the user row. After commit: `two_factor.disabled`, and a mail.
    """
    with unit_of_work() as unit:
        user = _enrolled(actor)
        step_up.require(actor=actor, action=DISABLE, parameters={}, token=step_up_token)
        forget_for(unit, user=user, actor_id=actor.id)


def forget_for(unit: UnitOfWork, *, user: User, actor_id: int) -> None:
    """Switch the second factor of a locked user row off, and tell them. Raises: NotEnrolled."""
    if not factors.is_enrolled(user.pk):
        raise NotEnrolled
    factors.forget(user)
    _tell(unit, user, "2FA_DISABLED", "two_factor.disabled", TwoFactorDisabled(), actor_id=actor_id)


def _enrolled(actor: Principal) -> User:
    user = User.objects.select_for_update(no_key=True).get(pk=actor.id)
    if not factors.is_enrolled(user.pk):
        raise NotEnrolled
    return user


def _tell(
    unit: UnitOfWork, user: User, event_type: str, action: str, notice: Notice, *, actor_id: int | None = None
) -> None:
    audit.record(actor_id=actor_id or user.pk, action=action, target=user)
    is_off = event_type == "2FA_DISABLED"
    audit.raise_security_event(
        event_type=event_type,
        user_id=user.pk,
        severity="MEDIUM" if is_off else "LOW",
        description=f"A second factor was switched {'off' if is_off else 'on'}.",
    )
    notifications.tell(unit, topics=[notifications.inbox_of(user.pk)], notice=notice)
    jobs.enqueue(tasks.mail_about_security, user_id=user.pk, what=action)


def _enrolment(user: User, secret: bytes) -> Enrolment:
    """In the form that apps read (Key Uri Format): the label's issuer and the parameter are the same."""
    text = base64.b32encode(secret).decode()
    label = quote(f"{ISSUER}:{user.email}", safe="@")
    facts = {"secret": text, "issuer": ISSUER, "algorithm": "SHA1", "digits": 6, "period": 30}
    return Enrolment(text, f"otpauth://totp/{label}?{urlencode(facts)}")
