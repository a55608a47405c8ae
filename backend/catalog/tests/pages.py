"""A row more of each model of catalog (backend/tests/pages.py)."""

import uuid

from backend.catalog.models import Item, Tag

ROWS = {
    "catalog.Tag": lambda stage: Tag.objects.create(owner=stage.make_user(), name=uuid.uuid4().hex),
    "catalog.Item": lambda stage: Item.objects.create(owner=stage.make_user(), title="x", price=1, time_minutes=1),
}
