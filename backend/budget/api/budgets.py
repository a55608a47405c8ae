"""Monthly budgets for categories: `/api/management/budget/`."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.budget.api.filters import month_of
from backend.budget.api.shapes import Money, bad_request
from backend.budget.months import this_month
from backend.budget.selectors import budgets as reading
from backend.budget.services import budgets
from backend.common.shapes import Detail, SignedRequest

MONTH = OpenApiParameter("month", str, description="YYYY-MM, of what is spent. Default: this month, in UTC.")
REFUSED = OpenApiResponse(description="Field errors.")


class NewBudgetIn(serializers.Serializer[Any]):
    category = serializers.UUIDField(source="category_id", help_text="Of expenses.")
    amount = Money(help_text="At most so much each month.")


class BudgetIn(serializers.Serializer[Any]):
    amount = Money(required=False)


class BudgetOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    category = serializers.UUIDField(source="category_id")
    category_name = serializers.CharField()
    amount = serializers.DecimalField(max_digits=10, decimal_places=2)
    spent = serializers.DecimalField(max_digits=24, decimal_places=2)
    left = serializers.DecimalField(max_digits=24, decimal_places=2, help_text="Negative when overspent.")
    percent = serializers.IntegerField(help_text="Of the amount, rounded down.")


class Budgets(APIView):
    @extend_schema(
        operation_id="list_budgets",
        tags=["budget"],
        parameters=[MONTH],
        responses={200: BudgetOut(many=True), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        """One's budgets, with what the month has spent."""
        found = reading.list_budgets(actor=request.user, month=month_of(request))
        return Response(BudgetOut(found, many=True).data)

    @extend_schema(
        operation_id="set_budget",
        tags=["budget"],
        request=NewBudgetIn,
        responses={201: BudgetOut, 400: REFUSED, 409: OpenApiResponse(Detail, description="The category has one.")},
    )
    def post(self, request: SignedRequest) -> Response:
        """Set a budget. A notice tells its owner when 80 % and 100 % are spent, once each a month."""
        given = NewBudgetIn(data=request.data)
        given.is_valid(raise_exception=True)
        with bad_request():
            budget = budgets.set_budget(actor=request.user, **given.validated_data)
        return Response(_shown(request, budget.pk), status=status.HTTP_201_CREATED)


class OneBudget(APIView):
    @extend_schema(
        operation_id="get_budget",
        tags=["budget"],
        parameters=[MONTH],
        responses={200: BudgetOut, 400: REFUSED, 404: Detail},
    )
    def get(self, request: SignedRequest, budget_id: uuid.UUID) -> Response:
        """One budget, with what the month has spent."""
        found = reading.get_budget(actor=request.user, month=month_of(request), budget_id=budget_id)
        return Response(BudgetOut(found).data)

    @extend_schema(
        operation_id="change_budget",
        tags=["budget"],
        request=BudgetIn,
        responses={200: BudgetOut, 400: REFUSED, 404: Detail},
    )
    def put(self, request: SignedRequest, budget_id: uuid.UUID) -> Response:
        """Change the amount; the category stays."""
        given = BudgetIn(data=request.data)
        given.is_valid(raise_exception=True)
        budgets.change_budget(actor=request.user, budget_id=budget_id, amount=given.validated_data.get("amount"))
        return Response(_shown(request, budget_id))

    @extend_schema(operation_id="delete_budget", tags=["budget"], responses={204: None, 404: Detail})
    def delete(self, request: SignedRequest, budget_id: uuid.UUID) -> Response:
        """Delete the budget; what was spent stays."""
        budgets.delete_budget(actor=request.user, budget_id=budget_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _shown(request: SignedRequest, budget_id: uuid.UUID) -> Any:
    return BudgetOut(reading.get_budget(actor=request.user, month=this_month(), budget_id=budget_id)).data
