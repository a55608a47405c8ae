"""The catalogue as everybody signed in sees it: their own tests, and what the house has published."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.catalog import selectors
from backend.catalog.api.diagnostic_tests import ranked_page
from backend.catalog.api.shapes import PAGING, QUERY, ItemDetailOut, ItemPage, query_of, tags_of
from backend.catalog.models import Item
from backend.catalog.selectors import Wanted
from backend.common.cursors import page_of
from backend.common.shapes import Detail, SignedRequest

TAGS = OpenApiParameter("tags", str, description="Ids or names, separated by commas; all of them must be there.")


class Items(APIView):
    @extend_schema(
        operation_id="list_catalog_items",
        tags=["catalog"],
        description="Newest first; searched, the best first. Always in pages.",
        parameters=[OpenApiParameter("kind", str, enum=Item.Kind.values), QUERY, TAGS, *PAGING],
        responses={200: ItemPage},
    )
    def get(self, request: SignedRequest) -> Response:
        kind = request.query_params.get("kind", "")
        if kind and kind not in Item.Kind.values:
            raise ValidationError({"kind": [f"One of: {', '.join(Item.Kind.values)}."]})
        ids, names = tags_of(request)
        wanted = Wanted(kind=kind, query=query_of(request), tag_ids=ids, tag_names=names)

        def fetch(after: int | None, limit: int) -> list[dict[str, Any]]:
            rows = selectors.list_items(actor=request.user, wanted=wanted, after=after, limit=limit)
            return [shown(row) for row in rows]

        if wanted.query:
            return Response(ranked_page(request, fetch))
        return Response(page_of(request, fetch, lambda row: row["id"]))


class OneItem(APIView):
    @extend_schema(operation_id="get_catalog_item", tags=["catalog"], responses={200: ItemDetailOut, 404: Detail})
    def get(self, request: SignedRequest, item_id: int) -> Response:
        return Response(shown(selectors.get_item(actor=request.user, item_id=item_id)))


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return an item as it goes out: whose it is, only as far as it is the caller's or the house's."""
    rest = {name: value for name, value in row.items() if name not in {"owner_id", "has_image"}}
    return {**rest, "is_own": row["owner_id"] is not None, "image": image_path(row)}


def image_path(row: dict[str, Any]) -> str | None:
    return f"/api/catalog/items/{row['id']}/image/" if row["has_image"] else None
