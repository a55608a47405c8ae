"""How far loads are, and what did not fit. A key sees those of its bank, a manager those of the banks they manage."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import Count, F, Q, Sum

from backend.banking.load_errors import LoadUnknown
from backend.banking.models import Load, LoadKind, LoadLine, LoadPart, LoadState
from backend.banking.partners import PartnerPrincipal
from backend.banking.selectors import banks
from backend.common.principal import Principal

LINES_MAX = 1000

_READ, _STORE = Q(phase=LoadPart.Phase.READ), Q(phase=LoadPart.Phase.STORE)


def get_load(actor: Principal | PartnerPrincipal, load_id: uuid.UUID) -> Load:
    """Raises: LoadUnknown."""
    mine = [actor.bank_id] if isinstance(actor, PartnerPrincipal) else banks.ids_managed_by(actor.id)
    found = Load.objects.filter(bank__in=mine, pk=load_id).first()
    if found is None:
        raise LoadUnknown
    return found


def counts_of(load: Load) -> dict[str, int]:
    """Return how many rows were stored, how many lines were bad, how many without anything in them."""
    sums = _sums(load)
    stored = "read" if load.kind == LoadKind.BOOK else "stored"
    return {"created": sums[stored], "bad": sums["bad"], "blank": sums["blank"]}


def progress_of(load: Load) -> dict[str, Any]:
    """Return the counts and how far the load is, in percent. One query."""
    sums = _sums(load)
    read = sums["bytes"] / load.size if load.size else 1.0
    share = read if load.kind == LoadKind.BOOK else (read + sums["done"] / max(sums["buckets"], 1)) / 2
    stored = "read" if load.kind == LoadKind.BOOK else "stored"
    return {
        "percent": 100 if load.state == LoadState.DONE else min(int(share * 100), 99),
        "lines_read": sums["lines"],
        "created": sums[stored],
        "bad": sums["bad"],
    }


def lines_of(load: Load, *, after: int = 0, limit: int = LINES_MAX) -> Sequence[LoadLine]:
    """Return bad lines in the order of the file, behind the line `after`."""
    return list(LoadLine.objects.filter(owner=load, line__gt=after).order_by("line")[:limit])


def find_book(*, sha256: str, bank_id: uuid.UUID | None, states: Sequence[str]) -> Load | None:
    """Return the last load of this file in one of these states, for that bank or for any."""
    found = Load.objects.filter(kind=LoadKind.BOOK, sha256=sha256, state__in=states).select_related("bank")
    if bank_id is not None:
        found = found.filter(bank=bank_id)
    return found.order_by("-created_at").first()


def _sums(load: Load) -> dict[str, int]:
    found = LoadPart.objects.filter(owner=load).aggregate(
        bytes=Sum(F("position") - F("start"), filter=_READ),
        read=Sum("rows_good", filter=_READ),
        stored=Sum("rows_good", filter=_STORE),
        bad=Sum("rows_bad"),
        blank=Sum("rows_blank"),
        lines=Sum(F("rows_good") + F("rows_bad") + F("rows_blank"), filter=_READ),
        buckets=Count("pk", filter=_STORE),
        done=Count("pk", filter=_STORE & Q(is_done=True)),
    )
    return {name: value or 0 for name, value in found.items()}
