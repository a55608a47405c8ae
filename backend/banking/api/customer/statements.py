"""One's statements by month: as JSON, CSV or PDF."""

import re
from datetime import date
from typing import Any
from uuid import UUID

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.customer.shapes import INVALID, NOT_VERIFIED, TAG, StatementMonthOut, StatementOut
from backend.banking.api.shapes import uuid_in
from backend.banking.errors import StatementUnknown
from backend.banking.selectors import people
from backend.banking.selectors.statements import MONTHS_MAX
from backend.banking.services import statements
from backend.common.negotiation import AsItComes
from backend.common.shapes import Detail, SignedRequest

A_YEAR = 12
_MONTH = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])")


class Statements(APIView):
    @extend_schema(
        operation_id="list_statements",
        tags=[TAG],
        description="The months of which there is a statement, the newest first: of one account up to 120, without "
        "`account` the last twelve of each.",
        parameters=[OpenApiParameter("account", str, description="One of one's accounts.")],
        responses={200: StatementMonthOut(many=True), 400: INVALID, 403: NOT_VERIFIED, 404: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        people.require_door(request.user, reading=True)
        account_id = uuid_in(request, "account")
        each_max = A_YEAR if account_id is None else MONTHS_MAX
        return Response(statements.list_months(actor=request.user, account_id=account_id, each_max=each_max))


class OneStatement(APIView):
    """A month of an account, with the balances it began and ended with. The present one goes as far as it has come."""

    content_negotiation_class = AsItComes

    class _Asked(serializers.Serializer[Any]):
        format = serializers.ChoiceField(choices=["json", "csv", "pdf"], default="json")

    @extend_schema(
        operation_id="get_statement",
        tags=[TAG],
        parameters=[
            OpenApiParameter("month", str, OpenApiParameter.PATH, description="YYYY-MM"),
            OpenApiParameter("format", str, enum=["json", "csv", "pdf"], description="Default: json."),
        ],
        responses={
            (200, "application/json"): StatementOut,
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, "application/pdf"): OpenApiTypes.BINARY,
            400: INVALID,
            404: Detail,
            422: OpenApiResponse(Detail, description="Too long for a PDF."),
        },
    )
    def get(self, request: SignedRequest, account_id: UUID, month: str) -> HttpResponseBase:
        asked = self._Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        form = asked.validated_data["format"]
        statement = statements.make_statement(actor=request.user, account_id=account_id, month=_month_of(month))
        name = f"statement-{statement.account.pk}-{statement.month:%Y-%m}.{form}"
        if form == "pdf":
            drawn = statements.as_pdf(statement)
            return FileResponse(drawn, as_attachment=True, filename=name, content_type="application/pdf")
        if form == "csv":
            answer = StreamingHttpResponse(statements.as_csv(statement), content_type="text/csv; charset=utf-8")
        else:
            answer = StreamingHttpResponse(statements.as_json(statement), content_type="application/json")
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


def _month_of(text: str) -> date:
    found = _MONTH.fullmatch(text)
    if found is None:
        raise StatementUnknown
    return date(int(found[1]), int(found[2]), 1)
