"""Expenses and incomes: `/api/management/expense/` and `/api/management/income/` (S1-R10 to S1-R17)."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
    extend_schema_view,
)
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.budget.api import shapes
from backend.budget.api.filters import ORDER, WHICH, filters_of, number_of, ordering_of
from backend.budget.models import Kind
from backend.budget.selectors import entries as reading
from backend.budget.services import entries
from backend.common.shapes import Detail, SignedRequest

PAGE, PAGE_MAX = 100, 1000
PARAMETERS = [
    *WHICH,
    ORDER,
    OpenApiParameter("cursor", str, description="Pages instead of the whole list: empty for the first, then `next`"),
    OpenApiParameter("page_size", int, description=f"With a cursor: 1 to {PAGE_MAX}. Default: {PAGE}"),
]
WHOLE = (
    f"All of them, newest first. Beyond {reading.LIST_MAX:,} the header `Link` (`rel=next`) says where the rest is."
    " With `cursor`: an object with `results` and `next`, the cursor of the following page or null."
)


class EntryView(APIView):
    kind: ClassVar[str]

    def entry_id(self, named: Mapping[str, uuid.UUID]) -> uuid.UUID:
        """Return what the path names: its `expense_id` or `income_id`."""
        return named[f"{self.kind}_id"]


class EntryList(EntryView):
    # One for all requests: validating keeps nothing in it, and making it costs as much as using it.
    body: ClassVar[serializers.Serializer[Any]]

    def get(self, request: SignedRequest) -> Response:
        cursor = request.query_params.get("cursor")
        size = number_of(request, "page_size", default=PAGE, most=PAGE_MAX)
        with shapes.bad_request():
            page = reading.list_entries(
                actor=request.user,
                kind=self.kind,
                filters=filters_of(request),
                ordering=ordering_of(request),
                cursor=cursor or "",
                limit=reading.LIST_MAX if cursor is None else size,
            )
        rows = shapes.entries_json(self.kind, page.rows)
        if cursor is not None:
            return Response({"results": rows, "next": page.next})
        return Response(rows, headers=_rest(request, page.next) if page.next else None)

    def post(self, request: SignedRequest) -> Response:
        given = self.body.run_validation(request.data)
        with shapes.bad_request():
            entry = entries.add_entry(actor=request.user, kind=self.kind, **given)
        return Response(shapes.entry_dict(entry), status=status.HTTP_202_ACCEPTED)


class OneEntry(EntryView):
    # One for all requests: validating keeps nothing in it, and making it costs as much as using it.
    body: ClassVar[serializers.Serializer[Any]]

    def get(self, request: SignedRequest, **named: uuid.UUID) -> Response:
        row = reading.get_entry(actor=request.user, kind=self.kind, entry_id=self.entry_id(named))
        return Response(dict(zip(reading.SHOWN[self.kind], row, strict=True)))

    def put(self, request: SignedRequest, **named: uuid.UUID) -> Response:
        given = self.body.run_validation(request.data)
        with shapes.bad_request():
            entry = entries.change_entry(
                actor=request.user, kind=self.kind, entry_id=self.entry_id(named), changes=given
            )
        return Response(shapes.changed_dict(entry), status=status.HTTP_202_ACCEPTED)

    def delete(self, request: SignedRequest, **named: uuid.UUID) -> Response:
        entries.delete_entry(actor=request.user, kind=self.kind, entry_id=self.entry_id(named))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeletedEntries(EntryView):
    def get(self, request: SignedRequest) -> Response:
        rows = reading.list_deleted(actor=request.user, kind=self.kind)
        return Response(shapes.entries_json(self.kind, rows, "deleted_at"))


class RestoreEntry(EntryView):
    def post(self, request: SignedRequest, **named: uuid.UUID) -> Response:
        entry = entries.restore_entry(actor=request.user, kind=self.kind, entry_id=self.entry_id(named))
        return Response(shapes.entry_dict(entry))


def _rest(request: SignedRequest, cursor: str) -> dict[str, str]:
    query = {**request.query_params.dict(), "cursor": cursor, "page_size": str(PAGE_MAX)}
    return {"Link": f'<{request.build_absolute_uri(request.path)}?{urlencode(query)}>; rel="next"'}


def _list_schema(word: str, out: Any, page: Any, body: Any) -> Any:
    refused = OpenApiResponse(description="Field errors.")
    return extend_schema_view(
        get=extend_schema(
            operation_id=f"list_{word}s",
            tags=["budget"],
            description=WHOLE,
            parameters=PARAMETERS,
            responses={
                200: PolymorphicProxySerializer(
                    f"{word.title()}List", [out(many=True), page], resource_type_field_name=None, many=False
                ),
                400: refused,
            },
        ),
        post=extend_schema(
            operation_id=f"add_{word}",
            tags=["budget"],
            request=body,
            responses={202: out, 400: refused, 409: OpenApiResponse(Detail, description="client_id names another.")},
        ),
    )


def _one_schema(word: str, out: Any, body: Any, changed: Any) -> Any:
    return extend_schema_view(
        get=extend_schema(operation_id=f"get_{word}", tags=["budget"], responses={200: out, 404: Detail}),
        put=extend_schema(
            operation_id=f"change_{word}",
            tags=["budget"],
            description="Any subset of the fields; the rest stays.",
            request=body(partial=True),
            responses={202: changed, 400: OpenApiResponse(description="Field errors."), 404: Detail},
        ),
        delete=extend_schema(
            operation_id=f"delete_{word}",
            tags=["budget"],
            description="For 30 days it can be brought back by `restore/`.",
            responses={204: None, 404: Detail},
        ),
    )


def _deleted_schema(word: str, out: Any) -> Any:
    return extend_schema_view(
        get=extend_schema(
            operation_id=f"list_deleted_{word}s",
            tags=["budget"],
            description=f"What can be brought back, the latest {reading.LIST_MAX:,} first.",
            responses={200: out(many=True)},
        )
    )


def _restore_schema(word: str, out: Any) -> Any:
    return extend_schema_view(
        post=extend_schema(
            operation_id=f"restore_{word}", tags=["budget"], request=None, responses={200: out, 404: Detail}
        )
    )


@_list_schema("expense", shapes.ExpenseOut, shapes.ExpensePageOut, shapes.NewExpenseIn)
class Expenses(EntryList):
    """One's own expenses (S1-R10, S1-R11)."""

    kind = Kind.EXPENSE
    body = shapes.NewExpenseIn()


@_one_schema("expense", shapes.ExpenseOut, shapes.ExpenseIn, shapes.ChangedExpenseOut)
class OneExpense(OneEntry):
    """One expense (S1-R12 to S1-R14)."""

    kind = Kind.EXPENSE
    body = shapes.ExpenseIn(partial=True)


@_deleted_schema("expense", shapes.DeletedExpenseOut)
class DeletedExpenses(DeletedEntries):
    kind = Kind.EXPENSE


@_restore_schema("expense", shapes.ExpenseOut)
class RestoreExpense(RestoreEntry):
    kind = Kind.EXPENSE


@_list_schema("income", shapes.IncomeOut, shapes.IncomePageOut, shapes.NewIncomeIn)
class Incomes(EntryList):
    """One's own incomes (S1-R15, S1-R16)."""

    kind = Kind.INCOME
    body = shapes.NewIncomeIn()


@_one_schema("income", shapes.IncomeOut, shapes.IncomeIn, shapes.ChangedIncomeOut)
class OneIncome(OneEntry):
    """One income (S1-R17)."""

    kind = Kind.INCOME
    body = shapes.IncomeIn(partial=True)


@_deleted_schema("income", shapes.DeletedIncomeOut)
class DeletedIncomes(DeletedEntries):
    kind = Kind.INCOME


@_restore_schema("income", shapes.IncomeOut)
class RestoreIncome(RestoreEntry):
    kind = Kind.INCOME
