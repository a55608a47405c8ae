"""Loading tests from a CSV file (S3-B7): streamed, every bad line named, the same file twice adds nothing."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice

from backend.audit import services as audit
from backend.catalog.errors import FileRefused
from backend.catalog.models import DESCRIPTION_MAX, MINUTES_MAX, NAME_MAX, Item, ItemTag
from backend.catalog.services.shelves import lock_shelf
from backend.catalog.services.tags import named_tags
from backend.common.unit_of_work import unit_of_work

BATCH = 500
LINE_MAX = 200_000
# Columns that describe a test beside its description, and how they are called in it.
MORE = {"samplerequirements": "Sample", "reportavailability": "Report", "validity_days": "Valid for days"}


@dataclass(frozen=True, slots=True)
class Line:
    """One good line: a test as it will be stored."""

    title: str
    description: str
    time_minutes: int
    price: Decimal
    tags: tuple[str, ...]


@dataclass(slots=True)
class Outcome:
    """What became of a file. `bad` holds line numbers with reasons."""

    added: int = 0
    there_before: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)


def import_tests(
    *,
    lines: Iterable[str],
    actor_id: int | None,
    owner_id: int | None = None,
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Add the tests of a CSV file to a shelf: a person's own, or the house's, where they are published at once.

    Columns: `name`; optional `type`, `description`, `tags` (separated by commas), `price`, `time_minutes`,
    `samplerequirements`, `reportavailability`, `validity_days`. A title that the shelf has is not added again. Good
    lines are stored 500 at a time, and stay when a later one is bad; audited once for each 500.
    Raises: FileRefused without a `name` column. Locks: the shelf, for each 500.
    """
    outcome = Outcome()
    good = _read(lines, outcome)
    while batch := list(islice(good, BATCH)):
        _store(batch, actor_id, owner_id, outcome)
        progress(outcome)
    return outcome


def _store(batch: list[Line], actor_id: int | None, owner_id: int | None, outcome: Outcome) -> None:
    with unit_of_work():
        lock_shelf(owner_id)
        titles = {line.title: line for line in batch}
        known = Item.objects.filter(owner_id=owner_id, kind=Item.Kind.DIAGNOSTIC_TEST, title__in=titles)
        there = set(known.values_list("title", flat=True))
        fresh = [line for title, line in titles.items() if title not in there]
        published_at = datetime.now(UTC) if owner_id is None else None
        items = Item.objects.bulk_create(
            Item(
                owner_id=owner_id,
                created_by_id=actor_id,
                published_at=published_at,
                title=line.title,
                description=line.description,
                time_minutes=line.time_minutes,
                price=line.price,
            )
            for line in fresh
        )
        ids = {tag.name: tag.pk for tag in named_tags(owner_id, [name for line in fresh for name in line.tags])}
        carried = [(item, name) for item, line in zip(items, fresh, strict=True) for name in line.tags]
        ItemTag.objects.bulk_create(ItemTag(item=item, tag_id=ids[name]) for item, name in carried)
        if fresh:
            audit.record(actor_id=actor_id, action="catalog_test.imported", facts={"added": len(fresh)})
    outcome.added += len(fresh)
    outcome.there_before += len(batch) - len(fresh)


def _read(lines: Iterable[str], outcome: Outcome) -> Iterator[Line]:
    """Yield the good lines; note the bad ones."""
    reader = csv.DictReader(_bounded(lines), restval="")
    if "name" not in (reader.fieldnames or []):
        raise FileRefused
    for row in reader:
        try:
            yield _line({key: value for key, value in row.items() if isinstance(key, str)})
        except ValueError as fault:
            outcome.bad.append((reader.line_num, str(fault)))


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """A quote that never closes would read the whole file as one field."""
    for line in lines:
        if len(line) > LINE_MAX:
            raise FileRefused("A line is too long.")
        yield line.replace("\x00", "")


def _line(row: dict[str, str]) -> Line:
    """Return a line as a test. Raises: ValueError with the reason."""
    title = _text(row, "name", NAME_MAX)
    if not title:
        raise ValueError("name: it is missing")
    said = [_text(row, "description", DESCRIPTION_MAX - 1_000)]
    said += [f"{label}: {_text(row, name, 300)}" for name, label in MORE.items() if row.get(name, "").strip()]
    names = [name.strip() for name in [*row.get("tags", "").split(","), row.get("type", "")]]
    if any(len(name) > NAME_MAX for name in names):
        raise ValueError(f"tags: one has more than {NAME_MAX} characters")
    return Line(
        title=title,
        description="\n".join(part for part in said if part),
        time_minutes=_minutes(row.get("time_minutes", "").strip() or "0"),
        price=_price(row.get("price", "").strip() or "0"),
        tags=tuple(dict.fromkeys(name for name in names if name)),
    )


def _text(row: dict[str, str], name: str, most: int) -> str:
    text = row.get(name, "").strip()
    if len(text) > most:
        raise ValueError(f"{name}: more than {most} characters")
    return text


def _minutes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 11) or int(text) > MINUTES_MAX:
        raise ValueError("time_minutes: no whole number from 0")
    return int(text)


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
        if not 0 <= price <= Decimal("999.99") or price != price.quantize(Decimal("0.01")):
            raise ValueError("price: no amount from 0 to 999.99 with two places")
    except InvalidOperation:
        raise ValueError("price: no number") from None
    return price
