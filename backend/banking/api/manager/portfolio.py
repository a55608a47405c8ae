"""What a bank's loans come to, as numbers and as a picture: for its managers, and for auditors."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking import charts
from backend.banking.api.manager.shapes import REFUSED, TAG, Currency
from backend.banking.api.shapes import Money
from backend.banking.selectors.banks import get_audited_bank
from backend.banking.selectors.portfolio import Portfolio, portfolio_of
from backend.common.negotiation import AsItComes
from backend.common.shapes import Detail, SignedRequest

CURRENCY = OpenApiParameter("currency", str, description="Default: the bank's own. Currencies are never added up.")


class Percent(serializers.DecimalField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=6, decimal_places=2, **kwargs)


class GroupOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    loans = serializers.IntegerField()
    amount = Money(help_text="Lent, as far as it is known.")
    amounts_unknown = serializers.IntegerField(help_text="Loans on record whose amount nobody knew (99,999,999).")
    outstanding = Money()
    by_state = serializers.DictField(child=serializers.IntegerField())
    default_rate_percent = Percent(allow_null=True, help_text="Charged off, of all that ended.")


class DebtorOut(serializers.Serializer[Any]):
    customer = serializers.UUIDField(source="customer_id")
    name = serializers.CharField()
    outstanding = Money()
    share_percent = Percent(help_text="Of all that is outstanding on active loans.")


class ExposureOut(serializers.Serializer[Any]):
    active = Money(help_text="Outstanding on active loans.")
    pending = Money(help_text="Asked for, and not decided.")
    credit_lines = Money(help_text="Of open accounts.")
    undrawn = Money(help_text="What is left of them.")
    deposits = Money(help_text="What the bank owes its customers.")
    largest = DebtorOut(many=True, help_text="The customers who owe most.")


class PortfolioOut(serializers.Serializer[Any]):
    bank = serializers.UUIDField(source="bank.pk")
    currency = serializers.CharField()
    other_currencies = serializers.ListField(child=serializers.CharField())
    total = GroupOut()
    states = GroupOut(many=True)
    purposes = GroupOut(many=True, help_text="The 20 most common ones, then all others together.")
    terms = GroupOut(many=True)
    bands = GroupOut(many=True, help_text="By credit score; one over 850 is taken for ten times too large.")
    exposure = ExposureOut()


class PortfolioView(APIView):
    @extend_schema(
        operation_id="get_portfolio",
        tags=[TAG],
        parameters=[CURRENCY],
        responses={200: PortfolioOut, 400: REFUSED, 404: Detail},
    )
    def get(self, request: SignedRequest, bank_id: UUID) -> Response:
        """A bank's loans by state, purpose, term and score band, its default rate, and its exposure."""
        return Response(PortfolioOut(_portfolio(request, bank_id)).data)


class PortfolioChart(APIView):
    """The same numbers as a picture, for an `<img>`. It holds no script and loads nothing."""

    content_negotiation_class = AsItComes

    @extend_schema(
        operation_id="get_portfolio_chart",
        tags=[TAG],
        parameters=[
            CURRENCY,
            OpenApiParameter("chart", str, enum=list(charts.CHARTS), description="Default: purpose."),
        ],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR, 400: REFUSED, 404: Detail},
    )
    def get(self, request: SignedRequest, bank_id: UUID) -> HttpResponse:
        """How the loans of each group go on."""
        wanted = request.query_params.get("chart") or "purpose"
        portfolio = _portfolio(request, bank_id)
        if wanted not in charts.CHARTS:
            raise ValidationError({"chart": [f"One of {', '.join(charts.CHARTS)}."]})
        picture = HttpResponse(charts.chart_of(portfolio, wanted), content_type="image/svg+xml")
        picture["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return picture


def _portfolio(request: SignedRequest, bank_id: UUID) -> Portfolio:
    bank = get_audited_bank(actor=request.user, bank_id=bank_id)
    text = request.query_params.get("currency", "")
    try:
        currency = Currency().run_validation(text) if text else ""
    except ValidationError as fault:
        raise ValidationError({"currency": fault.detail}) from None
    return portfolio_of(bank, currency)
