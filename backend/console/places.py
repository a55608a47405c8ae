"""What there is in the console, and for whom. A role given or withdrawn counts at the next request and event."""

from collections.abc import Callable, Sequence
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
    opens_to: Callable[[Principal], bool]

    @property
    def url(self) -> str:
        return f"console:{self.name}"


def _roles(*names: str) -> Callable[[Principal], bool]:
    return lambda principal: principal.has_role(*names)


def _has_books(principal: Principal) -> bool:
    """Managers see their banks; auditors the books of all. One query for whoever is no auditor."""
    return principal.has_role(AUDITOR) or banks_managed_by(principal.id).exists()


PLACES = (
    Place("inbox", _("Inbox"), "i", _roles(SUPPORT_AGENT)),
    Place("kyc", _("Verification"), "k", _roles(BANK_ADMIN)),
    Place("fraud", _("Fraud"), "f", _roles(BANK_ADMIN, AUDITOR)),
    Place("banking", _("Banking"), "b", _has_books),
    Place("audit", _("Audit"), "a", _roles(BANK_ADMIN, AUDITOR)),
    Place("team", _("Team"), "t", lambda principal: principal.has_role(SUPPORT_AGENT) or principal.is_superuser),
)


def places_of(principal: Principal) -> list[Place]:
    """What is open to them. At most one query."""
    return [place for place in PLACES if place.opens_to(principal)]


def is_admitted(principal: Principal, places: Sequence[Place]) -> bool:
    """Whether the console is for them at all: anybody with a role or a flag of the staff, or with a place in it."""
    return bool(places) or principal.has_role(*STAFF_ROLES) or principal.is_staff or principal.is_superuser


def lacks_factor(principal: Principal) -> bool:
    """Whether the console waits for their second factor (`STAFF_TOTP_REQUIRED`). At most one query."""
    return bool(settings.STAFF_TOTP_REQUIRED) and not factors.has_shown(user_id=principal.id, sid=principal.sid)
