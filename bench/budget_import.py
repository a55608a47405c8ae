"""`python -m bench.budget_import LINES ROUNDS`: COPY into the table of entries, and an import of the same lines.

Both in turns. Prints, as JSON, the seconds of each and by how much the process grew for the first file.
"""

import io
import json
import random
import resource
import sys
import time
import uuid
from datetime import date, timedelta
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from backend.budget.models import Entry, Import, SubCategory  # noqa: E402
from backend.budget.services import imports, loading  # noqa: E402
from backend.common import jobs  # noqa: E402
from backend.identity.models import User  # noqa: E402
from backend.identity.principals import principal_of  # noqa: E402

COLUMNS = "id, kind, user_id, title, description, amount, creation_date, creation_time, category_id, subcategory_id"
BAD_EVERY = 1000


def main(lines: int, rounds: int) -> None:
    jobs.enqueue = lambda *_, **__: None  # The phases are called, and timed, one by one.
    email = f"{uuid.uuid4().hex}@bench.example"
    user = User.objects.create(email=email, username=email, password="!", first_name="Bo")
    place = SubCategory.objects.get(name="Groceries")
    rows = list(_rows(lines))
    sheet = io.BytesIO(_sheet(rows).encode())
    before = _peak_mb()
    _import(user, sheet)
    grown = _peak_mb() - before
    _forget(user)
    found: dict[str, list[float]] = {"copy": [], "check": [], "load": []}
    for _ in range(rounds):
        found["copy"].append(_copy(user, place, rows))
        _forget(user)
        check, load = _import(user, sheet)
        found["check"].append(check)
        found["load"].append(load)
        _forget(user)
    json.dump({**found, "grown_mb": grown}, sys.stdout)


def _rows(lines: int) -> Any:
    chance = random.Random(7)
    for number in range(lines):
        when = date(2025, 1, 1) + timedelta(days=chance.randrange(365))
        clock = f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}"
        yield when.isoformat(), clock, f"Bread and butter {number}", "From the shop", f"{chance.randrange(1, 9999)}.50"


def _sheet(rows: list[Any]) -> str:
    """The rows as a file, with some bad lines among them."""
    lines = ["date,time,title,description,amount,category,subcategory"]
    for number, (when, clock, title, description, amount) in enumerate(rows):
        lines.append(f"{when},{clock},{title},{description},{amount},Food,Groceries")
        if number % BAD_EVERY == 0:
            lines.append("2025-02-30,,What,,1.00,Food,Groceries")
    return "\n".join(lines) + "\n"


def _copy(user: User, place: SubCategory, rows: list[Any]) -> float:
    buffer = io.StringIO()
    for when, clock, title, description, amount in rows:
        fixed = f"{uuid.uuid4()}\texpense\t{user.pk}\t{title}\t{description}\t{amount}\t{when}\t{clock}"
        buffer.write(f"{fixed}\t{place.category_id}\t{place.pk}\n")
    buffer.seek(0)
    since = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.copy_expert(f"COPY budget_entry ({COLUMNS}) FROM STDIN", buffer)
    return time.perf_counter() - since


def _import(user: User, sheet: io.BytesIO) -> tuple[float, float]:
    sheet.seek(0)
    actor = principal_of(user)
    found = imports.start_import(actor=actor, name="bench.csv", file=sheet)
    since = time.perf_counter()
    loading.check(found.pk, found.run)
    check = time.perf_counter() - since
    found = imports.commit_import(actor=actor, import_id=found.pk)
    since = time.perf_counter()
    loading.load(found.pk, found.run)
    load = time.perf_counter() - since
    done = Import.objects.get(pk=found.pk)
    if done.state != "done" or done.rows_duplicate or not done.rows_bad:
        raise RuntimeError(f"the import went wrong: {done.state}, {done.rows_duplicate} duplicates")
    return check, load


def _forget(user: User) -> None:
    Import.objects.filter(user=user).delete()
    Entry.objects.filter(user=user).delete()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM budget_entry")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
