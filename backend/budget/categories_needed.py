"""The seeded categories (migration 0003) that the product itself puts entries into.

Staff may rename them, but not delete them.
"""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    category_id: uuid.UUID
    subcategory_id: uuid.UUID | None


_BANK = uuid.UUID("2cb9fdd0-f34f-51aa-83bb-29f692a9cd1d")
TRANSFER_OUT = Place(_BANK, uuid.UUID("0ea53581-8afa-50e0-b157-85bcf2f25165"))
LOAN_PAYMENT = Place(_BANK, uuid.UUID("8ec43b20-f7d1-5b95-b944-f3f4f8f828c1"))
TRANSFER_IN = Place(uuid.UUID("3e343851-58bc-5f9f-80a4-4a2c14d17266"), None)
OTHER_EXPENSE = Place(
    uuid.UUID("0c96a9bc-4e50-5421-bc50-cd274270504c"), uuid.UUID("58de7461-1f37-526e-8144-baff5ad5bd63")
)
OTHER_INCOME = Place(uuid.UUID("a4279222-454c-5afa-a27d-f437e70a21b6"), None)

PLACES = (TRANSFER_OUT, LOAN_PAYMENT, TRANSFER_IN, OTHER_EXPENSE, OTHER_INCOME)
NEEDED = frozenset({place.category_id for place in PLACES} | {place.subcategory_id for place in PLACES} - {None})
