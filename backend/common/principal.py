"""Who acts: what a checked access token says about a person, without a database query."""

from dataclasses import dataclass, field
from datetime import datetime

CUSTOMER = "CUSTOMER"
SUPPORT_AGENT = "SUPPORT_AGENT"
BANK_ADMIN = "BANK_ADMIN"
AUDITOR = "AUDITOR"


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person as every service sees them. `id` is the user's primary key, `sid` the session's id.

    It stands where DRF and Channels expect a user, so it answers their few questions too.
    """

    id: int
    sid: str
    email: str
    first_name: str
    is_staff: bool = False
    is_superuser: bool = False
    roles: frozenset[str] = field(default_factory=frozenset)
    kyc_status: str = "INCOMPLETE"
    version: int = 1
    expires_at: datetime | None = None

    is_authenticated = True
    is_anonymous = False
    is_active = True

    @property
    def pk(self) -> int:
        return self.id

    @property
    def display_name(self) -> str:
        """What the other side of a chat reads: the first name, else the part of the address before @."""
        return self.first_name or self.email.partition("@")[0]

    def has_role(self, *names: str) -> bool:
        return not self.roles.isdisjoint(names)
