"""What there is in the console, and for whom. A role given or withdrawn counts at the next request and event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from backend.banking.selectors.banks import banks_managed_by
from backend.common.principal import AUDITOR, BANK_ADMIN, SUPPORT_AGENT, Principal
from backend.identity.services import factors

STAFF_ROLES = (SUPPORT_AGENT, BANK_ADMIN, AUDITOR)


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation. `key` is its shortcut after `g`; `url` the name of its first page."""

    name: str
    label: Any  # a lazy translation
    key: str
    roles: tuple[str, ...] = ()
    to_managers: bool = False  # of any bank
    to_superusers: bool = False

    @property
    def url(self) -> str:
        return f"console:{self.name}"


PLACES = (
    Place("inbox", _("Inbox"), "i", (SUPPORT_AGENT,)),
    Place("kyc", _("Verification"), "k", (BANK_ADMIN,)),
    Place("fraud", _("Fraud"), "f", (BANK_ADMIN, AUDITOR)),
    Place("lending", _("Loans"), "l", (BANK_ADMIN, AUDITOR), to_managers=True),
    Place("banking", _("Banking"), "b", (AUDITOR,), to_managers=True),
    Place("audit", _("Audit"), "a", (BANK_ADMIN, AUDITOR)),
    Place("team", _("Team"), "t", (SUPPORT_AGENT,), to_superusers=True),
)


def places_of(principal: Principal) -> list[Place]:
    """What is open to them. One query for whoever is no auditor, to whom every bank is open."""
    manages = principal.has_role(AUDITOR) or banks_managed_by(principal.id).exists()
    return [
        place
        for place in PLACES
        if principal.has_role(*place.roles)
        or (place.to_managers and manages)
        or (place.to_superusers and principal.is_superuser)
    ]


def is_admitted(principal: Principal, places: Sequence[Place]) -> bool:
    """Whether the console is for them at all: anybody with a role or a flag of the staff, or with a place in it."""
    return bool(places) or principal.has_role(*STAFF_ROLES) or principal.is_staff or principal.is_superuser


def lacks_factor(principal: Principal) -> bool:
    """Whether the console waits for their second factor (`STAFF_TOTP_REQUIRED`). At most one query."""
    return bool(settings.STAFF_TOTP_REQUIRED) and not factors.has_shown(user_id=principal.id, sid=principal.sid)
