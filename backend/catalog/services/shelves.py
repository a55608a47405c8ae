"""Whose items and tags: a shelf is one person's, or the house's. Those who write to one shelf take turns."""

from django.db import connection


def lock_shelf(owner_id: int | None) -> None:
    """Have no one else write to this shelf until the transaction ends. The first lock that a use case takes.

    Why one lock and not rows: items and tags refer to one another, so row locks would be taken in either order and
    deadlock; and a tag that two requests want to create is not there yet to be locked (BUG-S3-2).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"catalog {owner_id}"])
