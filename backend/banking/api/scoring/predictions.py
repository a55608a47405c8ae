"""How a loan would end, as the model sees it (S0-R21)."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.shapes import Money
from backend.banking.models import LoanStatus, RiskBand, Term
from backend.banking.selectors import banks
from backend.banking.services import predictions
from backend.banking.services.predictions import Estimate
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest

TAG = "bank"
REFUSED = OpenApiResponse(dict[str, list[str]], description="What is wrong with each field.")
AWAY = OpenApiResponse(Detail, description="`model.unavailable`: the model's file is missing or broken.")
YES = frozenset({"true", "1", "yes"})


class PredictIn(serializers.Serializer[Any]):
    account = serializers.UUIDField(help_text="At a bank that one manages.")
    current_loan_amount = Money(min_value=Decimal("0.01"))
    term = serializers.ChoiceField(choices=Term.choices)
    purpose = TextField(max_length=255, allow_blank=True, help_text="One that the model does not know is none.")
    reasons = serializers.BooleanField(required=False, default=False, help_text="As `?reasons=true`.")


class PredictionReasonOut(serializers.Serializer[Any]):
    feature = serializers.CharField()
    effect = serializers.FloatField(help_text="On the log-odds of full repayment.")
    words = serializers.CharField()


class PredictionOut(serializers.Serializer[Any]):
    prediction = serializers.ChoiceField(choices=LoanStatus.choices)
    probability = serializers.FloatField(help_text="That the loan will be fully paid; calibrated.")
    risk_band = serializers.ChoiceField(choices=RiskBand.choices)
    model_version = serializers.CharField()
    outside = serializers.ListField(
        child=serializers.CharField(), help_text="What lies beyond anything that the model was trained on."
    )
    reasons = PredictionReasonOut(many=True, required=False, help_text="Only where asked for, the strongest first.")


class Predict(APIView):
    @extend_schema(
        operation_id="predict_loan",
        tags=[TAG],
        parameters=[OpenApiParameter("reasons", bool, description="Say why, too.")],
        request=PredictIn,
        responses={200: PredictionOut, 400: REFUSED, 403: Detail, 404: Detail, 503: AWAY},
    )
    def post(self, request: SignedRequest) -> Response:
        """Estimate how a loan would end. What is not known of the customer is read as missing; nothing is stored."""
        given = PredictIn(data=request.data)
        if not given.is_valid():
            banks.require_banks(request.user)  # Who manages no bank hears that first.
            raise ValidationError(given.errors)
        asked = given.validated_data
        found = predictions.predict(
            actor=request.user,
            account_id=asked["account"],
            amount=asked["current_loan_amount"],
            term=asked["term"],
            purpose=asked["purpose"],
            with_reasons=asked["reasons"] or request.query_params.get("reasons", "").lower() in YES,
        )
        return Response(_shown(found))


def _shown(found: Estimate) -> dict[str, Any]:
    score = found.score
    body: dict[str, Any] = {
        "prediction": score.prediction,
        "probability": round(score.probability, 4),
        "risk_band": score.risk_band,
        "model_version": score.model_version,
        "outside": list(score.outside),
    }
    if found.reasons is not None:
        body["reasons"] = [predictions.reason_row(reason) for reason in found.reasons]
    return body
