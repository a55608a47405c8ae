"""Diagnostic tests and tags of one's own (S3-R6 to S3-R14), on their documented paths and in their shapes."""

from collections.abc import Callable, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.catalog import selectors
from backend.catalog.api.shapes import (
    PAGING,
    QUERY,
    DiagnosticTestDetailOut,
    DiagnosticTestIn,
    DiagnosticTestOut,
    TagIn,
    TagOut,
    query_of,
    tag_ids_of,
)
from backend.catalog.errors import TagExists
from backend.catalog.selectors import FOUND_MAX, LIST_MAX
from backend.catalog.services import diagnostic_tests, tags
from backend.common.cursors import cursor_at, is_paged, page_of, page_schema
from backend.common.shapes import Detail, SignedRequest

Row = dict[str, Any]
BARE = f"A bare array of at most {LIST_MAX:,} rows; when there are more, the header `Link` has the page behind them."


def bare_or_page(name: str, row: Any) -> PolymorphicProxySerializer:
    """Return the two shapes of a list: a bare array, and with `?cursor=` a page."""
    shapes: dict[str, Any] = {"array": row(many=True), "page": page_schema(f"{name}Page", row)}
    return PolymorphicProxySerializer(
        component_name=f"{name}List", serializers=shapes, resource_type_field_name=None, many=False
    )


class DiagnosticTests(APIView):
    """The caller's own tests."""

    @extend_schema(
        operation_id="list_diagnostic_tests",
        tags=["catalog"],
        description=f"Newest first; searched, the best {FOUND_MAX} first. {BARE}",
        parameters=[
            OpenApiParameter("tags", str, description="Ids of tags, separated by commas; all of them must be there."),
            QUERY,
            *PAGING,
        ],
        responses={200: bare_or_page("DiagnosticTest", DiagnosticTestOut)},
    )
    def get(self, request: SignedRequest) -> Response:
        query, tag_ids = query_of(request), tag_ids_of(request)

        def fetch(after: int | None, limit: int) -> list[Row]:
            return selectors.list_tests(actor=request.user, query=query, tag_ids=tag_ids, after=after, limit=limit)

        if query:
            return _searched(request, fetch)
        return _listed(request, fetch, lambda row: row["id"])

    @extend_schema(
        operation_id="add_diagnostic_test",
        tags=["catalog"],
        request=DiagnosticTestIn,
        responses={201: DiagnosticTestDetailOut},
    )
    def post(self, request: SignedRequest) -> Response:
        fields = _given(request, partial=False)
        item = diagnostic_tests.add_test(actor=request.user, **fields)
        return Response(selectors.get_test(actor=request.user, test_id=item.pk), status=status.HTTP_201_CREATED)


class DiagnosticTest(APIView):
    """One of the caller's own tests."""

    @extend_schema(
        operation_id="get_diagnostic_test", tags=["catalog"], responses={200: DiagnosticTestDetailOut, 404: Detail}
    )
    def get(self, request: SignedRequest, test_id: int) -> Response:
        return Response(selectors.get_test(actor=request.user, test_id=test_id))

    @extend_schema(
        operation_id="replace_diagnostic_test",
        tags=["catalog"],
        description="All required fields; what is optional and not sent stays as it is (K-76).",
        request=DiagnosticTestIn,
        responses={200: DiagnosticTestDetailOut, 404: Detail},
    )
    def put(self, request: SignedRequest, test_id: int) -> Response:
        return self._change(request, test_id, partial=False)

    @extend_schema(
        operation_id="change_diagnostic_test",
        tags=["catalog"],
        description="`tags`, if sent, replaces all of them; an empty list clears them.",
        request=DiagnosticTestIn,
        responses={200: DiagnosticTestDetailOut, 404: Detail},
    )
    def patch(self, request: SignedRequest, test_id: int) -> Response:
        return self._change(request, test_id, partial=True)

    @extend_schema(operation_id="delete_diagnostic_test", tags=["catalog"], responses={204: None, 404: Detail})
    def delete(self, request: SignedRequest, test_id: int) -> Response:
        diagnostic_tests.delete_test(actor=request.user, test_id=test_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: SignedRequest, test_id: int, *, partial: bool) -> Response:
        selectors.get_test(actor=request.user, test_id=test_id)  # Another's is 404, whatever the body.
        fields = _given(request, partial=partial)
        names = fields.pop("tags", None)
        diagnostic_tests.change_test(actor=request.user, test_id=test_id, changes=fields, tags=names)
        return Response(selectors.get_test(actor=request.user, test_id=test_id))


class Tags(APIView):
    """The caller's own tags."""

    @extend_schema(
        operation_id="list_test_tags",
        tags=["catalog"],
        description=f"By name, from Z to A. {BARE}",
        parameters=PAGING,
        responses={200: bare_or_page("TestTag", TagOut)},
    )
    def get(self, request: SignedRequest) -> Response:
        def fetch(after: str | None, limit: int) -> list[Row]:
            return selectors.list_tags(actor=request.user, after=after, limit=limit)

        return _listed(request, fetch, lambda row: row["name"], kind=str)

    @extend_schema(operation_id="add_test_tag", tags=["catalog"], request=TagIn, responses={201: TagOut})
    def post(self, request: SignedRequest) -> Response:
        given = TagIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            tag = tags.add_tag(actor=request.user, name=given.validated_data["name"])
        except TagExists as fault:
            raise ValidationError({"name": [fault.detail]}) from None
        return Response({"id": tag.pk, "name": tag.name}, status=status.HTTP_201_CREATED)


class Tag(APIView):
    """One of the caller's own tags."""

    @extend_schema(operation_id="get_test_tag", tags=["catalog"], responses={200: TagOut, 404: Detail})
    def get(self, request: SignedRequest, test_tag_id: int) -> Response:
        tag = selectors.get_tag(actor=request.user, tag_id=test_tag_id)
        return Response({"id": tag.pk, "name": tag.name})

    @extend_schema(
        operation_id="replace_test_tag", tags=["catalog"], request=TagIn, responses={200: TagOut, 404: Detail}
    )
    def put(self, request: SignedRequest, test_tag_id: int) -> Response:
        return self._rename(request, test_tag_id, partial=False)

    @extend_schema(
        operation_id="change_test_tag", tags=["catalog"], request=TagIn, responses={200: TagOut, 404: Detail}
    )
    def patch(self, request: SignedRequest, test_tag_id: int) -> Response:
        return self._rename(request, test_tag_id, partial=True)

    @extend_schema(
        operation_id="delete_test_tag",
        tags=["catalog"],
        responses={204: OpenApiResponse(description="Tests that carried it stay without it."), 404: Detail},
    )
    def delete(self, request: SignedRequest, test_tag_id: int) -> Response:
        tags.delete_tag(actor=request.user, tag_id=test_tag_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _rename(self, request: SignedRequest, tag_id: int, *, partial: bool) -> Response:
        tag = selectors.get_tag(actor=request.user, tag_id=tag_id)  # Another's is 404, whatever the body.
        given = TagIn(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        name = given.validated_data.get("name", tag.name)
        try:
            tag = tags.rename_tag(actor=request.user, tag_id=tag_id, name=name)
        except TagExists as fault:
            raise ValidationError({"name": [fault.detail]}) from None
        return Response({"id": tag.pk, "name": tag.name})


def _given(request: SignedRequest, *, partial: bool) -> dict[str, Any]:
    """Return the fields of a test as the services take them; `user` and all else is left out (S3-R10)."""
    given = DiagnosticTestIn(data=request.data, partial=partial)
    given.is_valid(raise_exception=True)
    fields: dict[str, Any] = dict(given.validated_data)
    if "tags" in fields:
        fields["tags"] = [tag["name"] for tag in fields["tags"]]
    return fields


def _listed(
    request: SignedRequest,
    fetch: Callable[[Any, int], Sequence[Row]],
    position: Callable[[Row], Any],
    kind: type = int,
) -> Response:
    if is_paged(request):
        return Response(page_of(request, fetch, position, kind=kind))
    rows = fetch(None, LIST_MAX + 1)
    if len(rows) <= LIST_MAX:
        return Response(rows)
    rows = rows[:LIST_MAX]
    query = request.query_params.copy()
    query["cursor"] = cursor_at(position(rows[-1]))
    link = f'<{request.build_absolute_uri(request.path)}?{query.urlencode()}>; rel="next"'
    return Response(rows, headers={"Link": link})


def _searched(request: SignedRequest, fetch: Callable[[int | None, int], Sequence[Row]]) -> Response:
    if not is_paged(request):
        return Response(fetch(None, FOUND_MAX))
    return Response(ranked_page(request, fetch))


def ranked_page(request: SignedRequest, fetch: Callable[[int | None, int], Sequence[Row]]) -> dict[str, Any]:
    """Return a page of ranked rows, whose cursor says how many were shown."""
    places: dict[int, int] = {}

    def counted(after: int | None, limit: int) -> Sequence[Row]:
        rows = fetch(after, limit)
        places.update({row["id"]: (after or 0) + number for number, row in enumerate(rows, start=1)})
        return rows

    return page_of(request, counted, lambda row: places[row["id"]])
