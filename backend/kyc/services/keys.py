"""Turning the keys of banking profiles while the product runs (E-DATA-1)."""

from dataclasses import dataclass, field

from django.db import transaction

from backend.common.encryption import Damaged, KeyMissing
from backend.common.envelopes import Envelopes
from backend.kyc.models import Profile
from backend.kyc.sealing import address_envelopes, place_of, ssn_envelopes


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did. `last` is the user up to whom everything is done; None at the end."""

    turned: int
    last: int | None
    failed: list[int] = field(default_factory=list)


def turn_keys(*, after: int = 0, limit: int = 500) -> Step:
    """Wrap the values of the next `limit` profiles by the newest keys. The values themselves are not looked at.

    Repeating: what is wrapped by the newest key already is left alone, so it can be stopped and begun again.
    Locks: those profiles, until the step commits; readers never wait.
    """
    with transaction.atomic():
        profiles = list(Profile.objects.select_for_update(no_key=True).filter(pk__gt=after).order_by("pk")[:limit])
        changed, failed = [], []
        for profile in profiles:
            try:
                if _turn(profile, "ssn", ssn_envelopes()) | _turn(profile, "address", address_envelopes()):
                    changed.append(profile)
            except (Damaged, KeyMissing):
                failed.append(profile.user_id)
        Profile.objects.bulk_update(changed, ["ssn_sealed", "address_sealed"])
    return Step(len(changed), profiles[-1].pk if len(profiles) == limit else None, failed)


def _turn(profile: Profile, name: str, envelopes: Envelopes) -> bool:
    sealed = getattr(profile, f"{name}_sealed")
    if envelopes.is_current(sealed):
        return False
    setattr(profile, f"{name}_sealed", envelopes.turned(sealed, bound_to=place_of(profile.user_id, name)))
    return True
