"""What a month came to, as numbers and as a picture: `/api/management/summary/` and `…/summary/chart.svg`."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.budget import charts
from backend.budget.api.filters import month_of, number_of
from backend.budget.selectors.summaries import Summary, summarise
from backend.common.negotiation import AsItComes
from backend.common.shapes import SignedRequest

MONTHS, MONTHS_MAX = 6, 24
PARAMETERS = [
    OpenApiParameter("month", str, description="YYYY-MM. Default: this month, in UTC."),
    OpenApiParameter("months", int, description=f"How many months of history, 1 to {MONTHS_MAX}. Default: {MONTHS}."),
]
REFUSED = OpenApiResponse(description="Field errors.")


class Sum(serializers.DecimalField):
    """Money that may be negative, and larger than any single amount."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=24, decimal_places=2, **kwargs)


class Percent(serializers.DecimalField):
    """To one place; null where there is nothing to compare with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=30, decimal_places=1, allow_null=True, **kwargs)


class MonthText(serializers.DateField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="%Y-%m", **kwargs)

    def to_representation(self, value: Any) -> str:
        return f"{value.year:04}-{value.month:02}"


class ComparisonOut(serializers.Serializer[Any]):
    total = Sum()
    previous = Sum(help_text="The month before.")
    change = Sum()
    change_percent = Percent(help_text="Null when the month before had nothing.")


class CategorySumOut(ComparisonOut):
    category = serializers.UUIDField(source="id")
    name = serializers.CharField()
    type = serializers.CharField(source="kind")
    hexColor = serializers.CharField(source="hex_color")
    total = Sum(source="compared.total")
    previous = Sum(source="compared.previous")
    change = Sum(source="compared.change")
    change_percent = Percent(source="compared.change_percent")
    count = serializers.IntegerField(help_text="Entries of the month.")
    share_percent = Percent(help_text="Of all entries of its type in the month.")


class MonthSumOut(serializers.Serializer[Any]):
    month = MonthText()
    income = Sum()
    expense = Sum()


class SummaryOut(serializers.Serializer[Any]):
    month = MonthText()
    income = ComparisonOut()
    expense = ComparisonOut()
    balance = ComparisonOut()
    categories = CategorySumOut(many=True, help_text="Expenses, then incomes; the largest first.")
    months = MonthSumOut(many=True, help_text="The history, the earliest first.")


class SummaryView(APIView):
    @extend_schema(
        operation_id="get_summary", tags=["budget"], parameters=PARAMETERS, responses={200: SummaryOut, 400: REFUSED}
    )
    def get(self, request: SignedRequest) -> Response:
        """A month's sums, by category too, compared with the month before."""
        return Response(SummaryOut(_summary(request)).data)


class ChartView(APIView):
    """The same numbers as a picture, for an `<img>`. It holds no script and loads nothing."""

    content_negotiation_class = AsItComes

    @extend_schema(
        operation_id="get_summary_chart",
        tags=["budget"],
        parameters=[
            *PARAMETERS,
            OpenApiParameter("chart", str, enum=list(charts.CHARTS), description="Default: months."),
        ],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR, 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> HttpResponse:
        """Income and expenses by month, or the month's expenses or incomes by category."""
        wanted = request.query_params.get("chart") or "months"
        if wanted not in charts.CHARTS:
            raise ValidationError({"chart": [f"One of {', '.join(charts.CHARTS)}."]})
        picture = HttpResponse(charts.CHARTS[wanted](_summary(request)), content_type="image/svg+xml")
        picture["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return picture


def _summary(request: SignedRequest) -> Summary:
    months = number_of(request, "months", default=MONTHS, most=MONTHS_MAX)
    return summarise(actor=request.user, month=month_of(request), months=months)
