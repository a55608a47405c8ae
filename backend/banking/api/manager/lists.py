"""The lists of the manager door: pages by number as S0's clients read them, pages by cursor for whoever asks."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.response import Response

from backend.banking.api.shapes import uuid_in
from backend.banking.selectors import banks as selectors
from backend.common import cursors, keysets
from backend.common.keysets import Position, Row
from backend.common.pagination import linked_page_of
from backend.common.shapes import SignedRequest

SIZE = 10


def listed(
    request: SignedRequest,
    rows: QuerySet[Any, Any],
    render: Callable[[Sequence[Any]], list[Row]],
    fetch: Callable[[Position | None, int], list[Row]],
    *,
    at: str = "created_at",
    key: str,
    shown: Callable[[Row], Row] = lambda row: row,
) -> Response:
    """Answer `?page=` from `rows`, and `?cursor=` from `fetch`, whose rows have their position at `at` and `key`."""
    if not cursors.is_paged(request):
        return Response(linked_page_of(rows, request, render, size=SIZE))
    page = keysets.page_of(request, fetch, at=at, key=key)
    return Response({**page, "results": [shown(row) for row in page["results"]]})


def banks_in(request: SignedRequest) -> list[UUID]:
    """Return the banks that the caller manages, or the one of them that `?bank=` names; another's is none of them."""
    found = selectors.ids_managed_by(request.user.id)
    wanted = uuid_in(request, "bank")
    return found if wanted is None else [one for one in found if one == wanted]
