"""`python -m bench.budget_seed ROWS`: people with expenses, in the product's table and the textbook's; printed as JSON.

One has 200 expenses, in the textbook too, one 1,000, one ROWS, and one 100,000 in the last months. They are stored in
the order of their days, as people enter them.
"""

import json
import sys
import uuid

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from backend.budget.models import Entry  # noqa: E402
from backend.budget.selectors import entries as reading  # noqa: E402
from backend.budget.selectors.entries import Filters  # noqa: E402
from backend.identity.models import User  # noqa: E402
from backend.identity.principals import principal_of  # noqa: E402
from backend.identity.services.sessions import open_session  # noqa: E402

FOOD = "(SELECT category_id FROM budget_subcategory WHERE name = 'Groceries')"
GROCERIES = "(SELECT id FROM budget_subcategory WHERE name = 'Groceries')"
ROWS = """
SELECT gen_random_uuid(), 'Bread and butter ' || n, 'From the corner shop', 1 + n % 500,
       current_date - (({count} - n) * {days} / {count})::int,
       time '00:00' + (n %% 86400) * interval '1 second', {user},
       {food}, {groceries}
FROM generate_series(1::bigint, {count}) n
"""
NAMES = "id, title, description, amount, creation_date, creation_time, user_id, category_id, subcategory_id"


def main(rows: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)
    people = {}
    for name, count, days in (("few", 200, 200), ("some", 1000, 1000), ("many", rows, 3000), ("year", 100_000, 170)):
        email = f"{name}-{uuid.uuid4().hex[:8]}@bench.example"
        user = User.objects.create(email=email, username=email, password="!", first_name="Bo")
        people[name] = {"id": user.pk, "token": open_session(user=user, door="s1").access}
        _fill(user.pk, count, days)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE budget_entry")
        cursor.execute("SELECT s.category_id, s.id FROM budget_subcategory s WHERE name = 'Groceries'")
        category, subcategory = cursor.fetchone()
    for name in ("some", "many"):
        people[name]["cursor"] = _late_cursor(User.objects.get(pk=people[name]["id"]))
    places = {"category": str(category), "subcategory": str(subcategory)}
    json.dump({"people": people, "places": places}, sys.stdout)


def _late_cursor(user: User) -> str:
    """The cursor of a page near the end of the person's list."""
    actor, before, cursor = principal_of(user), "", ""
    while True:
        step = 200 if Entry.objects.filter(user=user)[:2000].count() < 2000 else 10_000
        page = reading.list_entries(actor=actor, kind="expense", filters=Filters(), cursor=cursor, limit=step)
        if page.next is None:
            return before
        before, cursor = cursor, page.next


def _fill(user_id: int, count: int, days: int) -> None:
    selected = ROWS.format(days=days, user=user_id, food=FOOD, groceries=GROCERIES, count=count).replace("%%", "%")
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO budget_entry ({NAMES}, kind) SELECT x.*, 'expense' FROM ({selected}) x")
        if count == 200:
            cursor.execute(f"INSERT INTO textbook_textbookexpense ({NAMES}) {selected}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
