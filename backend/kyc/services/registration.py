"""Registering at the S2 door: account and banking profile in one step (S2-R1)."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection

from backend.audit import services as audit
from backend.common.unit_of_work import unit_of_work
from backend.identity.errors import IdentifierTaken
from backend.identity.models import User
from backend.identity.services import accounts
from backend.kyc.errors import RegistrationInProgress, Taken
from backend.kyc.models import Profile
from backend.kyc.sealing import ssn_hash
from backend.kyc.services import drafts, profiles
from backend.kyc.services.profiles import PHONE_TAKEN, Person

UNDECIDED = (User.KycStatus.INCOMPLETE, User.KycStatus.PENDING)


@dataclass(frozen=True, slots=True)
class Account:
    """The facts of the account beside those of the person."""

    username: str
    email: str
    password: str
    first_name: str
    last_name: str
    phone_number: str  # as it was typed


def register_customer(*, account: Account, person: Person, draft_token: str = "") -> User:
    """Make the account with the role CUSTOMER and its banking profile, both or neither, and return the user (PENDING).

    Repeating: while the first call runs, and until the person is decided, RegistrationInProgress (E-REG-5).
    Raises: RegistrationRefused (password), PasswordRefused (S2's own rule), Taken (e-mail, username, phone; E-REG-1),
    AlreadyRegistered (SSN), RegistrationInProgress, TooMany.
    Locks: the e-mail address as such, without waiting.
    """
    accounts.check_s2_password(account.password, field="password")
    with unit_of_work() as unit:
        if not _is_alone(account.email):
            raise RegistrationInProgress
        _refuse_repeat(account.email, person)
        try:
            user = accounts.register_user(
                email=account.email,
                password=account.password,
                username=account.username,
                first_name=account.first_name,
                last_name=account.last_name,
                phone_number=account.phone_number,
            )
        except IdentifierTaken as fault:
            raise Taken(fault.field, fault.detail) from fault
        if Profile.objects.filter(phone=person.phone).exists():
            raise Taken("phone_number", PHONE_TAKEN)
        profiles.store_profile(unit, user=user, person=person)
        if draft_token:
            drafts.discard(token=draft_token)
        user.refresh_from_db()
    return user


def note_impossible_birth_date(*, born: date) -> None:
    """Keep that somebody gave a birth date in the future: a probe, more likely than a slip (E-REG-4)."""
    if born <= datetime.now(UTC).date():
        return
    with unit_of_work():
        audit.raise_security_event(
            event_type="SUSPICIOUS_ACTIVITY",
            severity="LOW",
            description="A registration gave a birth date in the future.",
            metadata={"kind": "birth_date_in_future"},
        )


def _is_alone(email: str) -> bool:
    """Whether no other transaction is registering this address right now. Held until commit."""
    key = int.from_bytes(hashlib.blake2b(email.lower().encode(), digest_size=8).digest(), "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        return bool(cursor.fetchone()[0])


def _refuse_repeat(email: str, person: Person) -> None:
    """Raises: RegistrationInProgress, when this e-mail and this SSN are one person's who is not decided yet."""
    same = Profile.objects.filter(
        user__in=User.objects.known_by("email", email.strip()).filter(kyc_status__in=UNDECIDED),
        ssn_hash=ssn_hash(person.ssn),
    )
    if same.exists():
        raise RegistrationInProgress
