"""What counts as somebody's second factor: the code of their app, or one of their recovery codes, each once."""

import base64
import hashlib
import re
import secrets
from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Subquery

from backend.audit import services as audit
from backend.common import encryption
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import RecoveryCode, Session, TotpDevice, User
from backend.identity.models.factors import newest_key_version
from backend.notifications import services as notifications
from backend.notifications.notices import RecoveryCodeUsed

log = structlog.get_logger(__name__)

RECOVERY_CODES = 10
_SIX_DIGITS = re.compile(r"\d{6}", re.ASCII)


def find_device(user_id: int) -> TotpDevice | None:
    """Return the app that counts; None for whoever has not enrolled."""
    return TotpDevice.objects.filter(user_id=user_id, confirmed=True).first()


def is_enrolled(user_id: int) -> bool:
    return TotpDevice.objects.filter(user_id=user_id, confirmed=True).exists()


def must_enrol(user: User | Principal) -> bool:
    """Whether the console and the admin site ask this person for a second factor (`STAFF_TOTP_REQUIRED`)."""
    return bool(settings.STAFF_TOTP_REQUIRED) and (user.is_staff or user.is_superuser)


def has_shown(*, user_id: int, sid: str) -> bool:
    """Whether this session was opened with a code: every session is that was opened since the app counts. One query."""
    since = TotpDevice.objects.filter(user_id=user_id, confirmed=True).values("confirmed_at")[:1]
    return Session.objects.filter(pk=sid, user_id=user_id, created_at__gte=Subquery(since)).exists()


def accept_code(*, user: User, device: TotpDevice, code: str) -> bool:
    """Return whether this is a code of the person's that has not been used; it is used now.

    Of two at the same moment one passes: whichever updates the row first.
    """
    given = re.sub(r"[\s-]", "", code)
    if _SIX_DIGITS.fullmatch(given):
        return device.verify_token(given)
    with unit_of_work() as unit:
        mine = RecoveryCode.objects.filter(user=user, hash=_hash(user.pk, given), used_at=None)
        if not mine.update(used_at=datetime.now(UTC)):
            return False
        left = codes_left(user.pk)
        audit.record(actor_id=user.pk, action="two_factor.recovery_code_used", target=user, facts={"left": left})
        notice = RecoveryCodeUsed(left=left)
        notifications.tell(unit, topics=[notifications.inbox_of(user.pk)], notice=notice)
    return True


def replace_recovery_codes(user: User) -> list[str]:
    """Make ten new codes in place of all earlier ones, in the caller's transaction. Only here are they readable."""
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, hash=_hash(user.pk, code)) for code in codes)
    return ["-".join(re.findall(".{4}", code)) for code in codes]


def codes_left(user_id: int) -> int:
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()


def forget(user: User) -> None:
    """Delete the person's app, one that waits to be confirmed, and all codes, in the caller's transaction."""
    TotpDevice.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()


def turn_keys() -> tuple[int, int]:
    """Seal by the newest key what an older one sealed, each in its own transaction. Locks: the device.

    Safe to stop, to repeat, and to run twice at once. Returns how many were turned, and how many could not be opened.
    """
    turned = failed = 0
    newest = newest_key_version()
    for device_id in TotpDevice.objects.exclude(key_version=newest).order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            device = TotpDevice.objects.select_for_update().filter(pk=device_id).exclude(key_version=newest).first()
            if device is None:
                continue
            try:
                device.seal(device.secret())
            except (encryption.Damaged, encryption.KeyMissing) as fault:
                log.error("otp_key.does_not_open", device=device_id, fault=type(fault).__name__)
                failed += 1
            else:
                device.save(update_fields=["key_version", "sealed_secret"])
                turned += 1
    return turned, failed


def _hash(user_id: int, code: str) -> str:
    return hashlib.sha256(f"{user_id}:{code.lower()}".encode("utf-8", "replace")).hexdigest()
