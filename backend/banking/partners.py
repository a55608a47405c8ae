"""Who acts at the partner door: a key, and the one bank that it works for (design.md section 5)."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PartnerPrincipal:
    """A partner's system as services see it. The trail names the key by its prefix; no person acts."""

    key_prefix: str
    bank_id: UUID
    currency: str
