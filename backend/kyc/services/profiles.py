"""The banking profile: filled in once, changed until it is approved."""

from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.common.encryption import Damaged, KeyMissing
from backend.common.envelopes import Envelopes
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.identity.models import User
from backend.identity.services import sessions
from backend.kyc.errors import AlreadyRegistered, ProfileSettled, ProfileUnknown, Taken
from backend.kyc.models import Document, Draft, Profile
from backend.kyc.sealing import address_envelopes, place_of, ssn_envelopes, ssn_hash
from backend.kyc.services import cases
from backend.notifications import services as notifications
from backend.notifications.notices import KycRegistered

PHONE_TAKEN = "This phone number is already registered."


@dataclass(frozen=True, slots=True)
class Person:
    """Checked facts of a banking profile, as `rules` returns them."""

    phone: str
    date_of_birth: date
    ssn: str
    address: str


@dataclass(frozen=True, slots=True)
class OwnProfile:
    """A profile as its owner sees it. `resubmit` names what cannot be read any more and must be sent again."""

    phone_number: str
    date_of_birth: date
    ssn: str | None
    address: str | None
    kyc_status: str
    updated_at: datetime
    resubmit: list[str] = field(default_factory=list)

    @property
    def documents_required(self) -> bool:
        return self.kyc_status != User.KycStatus.APPROVED


def read_profile(*, actor: Principal) -> OwnProfile:
    """Return the caller's profile, the SSN but for its last four digits hidden.

    A value that cannot be opened is a security event and a request to send it again, never a fault (E-DATA-2).
    Raises: ProfileUnknown.
    """
    profile = Profile.objects.select_related("user").filter(pk=actor.id).first()
    if profile is None:
        raise ProfileUnknown
    ssn = opened(profile, "ssn", ssn_envelopes())
    address = opened(profile, "address", address_envelopes())
    return OwnProfile(
        phone_number=profile.phone,
        date_of_birth=profile.date_of_birth,
        ssn=f"***-**-{ssn[-4:]}" if ssn else None,
        address=address,
        kyc_status=profile.user.kyc_status,
        updated_at=profile.updated_at,
        resubmit=[name for name, value in (("ssn", ssn), ("address", address)) if value is None],
    )


def opened(profile: Profile, name: str, envelopes: Envelopes) -> str | None:
    """Return a sealed value of the profile, or None and a security event when it cannot be opened."""
    try:
        return envelopes.open(getattr(profile, f"{name}_sealed"), bound_to=place_of(profile.user_id, name))
    except (Damaged, KeyMissing) as fault:
        with unit_of_work():
            audit.raise_security_event(
                event_type="DATA_CORRUPTION",
                user_id=profile.user_id,
                severity="HIGH",
                description="A sealed value of a banking profile could not be opened.",
                metadata={"field": name, "fault": type(fault).__name__},
            )
        return None


def save_profile(*, actor: Principal, person: Person) -> Profile:
    """Store the caller's banking profile, or change it while it is not approved; a draft of it is thrown away.

    Raises: ProfileSettled, Taken (phone), AlreadyRegistered (somebody else's SSN).
    Locks: the user row.
    After commit: with the first one the person's KYC status is PENDING, at their next request and event.
    """
    with unit_of_work() as unit:
        user = User.objects.select_for_update(no_key=True).get(pk=actor.id)
        if user.kyc_status == User.KycStatus.APPROVED:
            raise ProfileSettled
        profile = store_profile(unit, user=user, person=person)
        Draft.objects.filter(user=user).delete()
    return profile


def store_profile(unit: UnitOfWork, *, user: User, person: Person) -> Profile:
    """Store the profile and what follows for the user's status, in the caller's unit of work.

    Raises: Taken (phone), AlreadyRegistered (SSN).
    After commit: `kyc.registered` to the desk with the first one, and `kyc.submitted` for a document sent before.
    """
    before = Profile.objects.filter(pk=user.pk).first()
    profile = Profile(
        user=user,
        phone=person.phone,
        date_of_birth=person.date_of_birth,
        ssn_sealed=ssn_envelopes().seal(person.ssn, bound_to=place_of(user.pk, "ssn")),
        ssn_hash=ssn_hash(person.ssn),
        address_sealed=address_envelopes().seal(person.address, bound_to=place_of(user.pk, "address")),
    )
    if before is not None:
        profile.created_at = before.created_at
    _save(profile, is_new=before is None)
    audit.record(actor_id=user.pk, action="kyc.profile_saved", target=user, facts={"is_new": before is None})
    if before is None:
        notice = KycRegistered(user_id=user.pk, user=user.get_short_name())
        notifications.tell(unit, topics=[notifications.DESK_BANK_ADMIN], notice=notice)
    if user.kyc_status == User.KycStatus.INCOMPLETE:
        user.kyc_status = User.KycStatus.PENDING
        user.save(update_fields=["kyc_status", "updated_at"])
        sessions.principal_changed(unit, user_id=user.pk)
        waiting = Document.objects.filter(user=user, verification_status=Document.Status.PENDING).order_by("pk").first()
        if waiting is not None:  # Sent before there was a profile.
            cases.open_case(unit, user=user, document=waiting)
    return profile


def _save(profile: Profile, *, is_new: bool) -> None:
    """Two people with one phone, or one SSN, meet in the unique index: the second hears so."""
    try:
        with transaction.atomic():
            profile.save(force_insert=is_new, force_update=not is_new)
    except IntegrityError as fault:
        broken = getattr(getattr(fault.__cause__, "diag", None), "constraint_name", None)
        if broken == "kyc_profile_phone_unique":
            raise Taken("phone_number", PHONE_TAKEN) from fault
        if broken == "kyc_profile_ssn_unique":
            raise AlreadyRegistered from fault
        raise
