"""Scoring all loans of a bank: started here, done by a job, with its progress."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.scoring.predictions import AWAY, REFUSED, TAG
from backend.banking.api.shapes import Money, bad_request
from backend.banking.models import LoanState, LoanStatus, RiskBand, RunState, ScoringRun
from backend.banking.selectors import scoring as selectors
from backend.banking.services import portfolios
from backend.common.pagination import linked_page_of
from backend.common.shapes import Detail, SignedRequest

SIZE = 50


class ScorePortfolioIn(serializers.Serializer[Any]):
    bank = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="Of several that one manages."
    )
    ended_too = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Also loans that have ended: how they did shows what the model is worth.",
    )


class BandOut(serializers.Serializer[Any]):
    loans = serializers.IntegerField()
    outstanding = serializers.DictField(child=Money(), help_text="Principal still owed, by currency.")


class OnRecordOut(serializers.Serializer[Any]):
    loans = serializers.IntegerField(help_text="Loans on record: how they ended is known.")
    fully_paid = serializers.IntegerField()
    fully_paid_expected = serializers.DecimalField(max_digits=12, decimal_places=1)


class RunSummaryOut(serializers.Serializer[Any]):
    bands = serializers.DictField(child=BandOut(), help_text="By LOW, MEDIUM and HIGH.")
    fully_paid_expected = serializers.DecimalField(max_digits=12, decimal_places=1)
    on_record = OnRecordOut()


class ScoringRunOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    bank = serializers.UUIDField()
    state = serializers.ChoiceField(choices=RunState.choices)
    ended_too = serializers.BooleanField()
    percent = serializers.IntegerField()
    loans_total = serializers.IntegerField()
    loans_done = serializers.IntegerField()
    model_version = serializers.CharField(help_text="Empty until it has begun.")
    fault = serializers.CharField(help_text="Why it failed, if it did.")
    summary = RunSummaryOut(allow_null=True, help_text="When it is done.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RunScoreOut(serializers.Serializer[Any]):
    loan = serializers.UUIDField()
    account = serializers.UUIDField()
    state = serializers.ChoiceField(choices=LoanState.choices)
    loan_status = serializers.ChoiceField(choices=LoanStatus.choices, allow_null=True)
    prediction = serializers.ChoiceField(choices=LoanStatus.choices)
    probability = serializers.DecimalField(max_digits=5, decimal_places=4)
    risk_band = serializers.ChoiceField(choices=RiskBand.choices)


class RunScorePage(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RunScoreOut(many=True)
    count_estimated = serializers.BooleanField(required=False)


class ScorePortfolio(APIView):
    @extend_schema(
        operation_id="score_portfolio",
        tags=[TAG],
        request=ScorePortfolioIn,
        responses={
            202: OpenApiResponse(ScoringRunOut, description="Under way; while one is, that one."),
            400: REFUSED,
            403: Detail,
            503: AWAY,
        },
    )
    def post(self, request: SignedRequest) -> Response:
        """Have the loans of one's bank scored by a job: those under way, or also those that have ended."""
        given = ScorePortfolioIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        with bad_request():
            run = portfolios.start_scoring(actor=request.user, bank_id=asked["bank"], ended_too=asked["ended_too"])
        return Response(_shown(run), status=status.HTTP_202_ACCEPTED)


class OneRun(APIView):
    @extend_schema(operation_id="get_portfolio_scoring", tags=[TAG], responses={200: ScoringRunOut, 404: Detail})
    def get(self, request: SignedRequest, scoring_run_id: uuid.UUID) -> Response:
        """How far the scoring is, and what it came to."""
        return Response(_shown(selectors.get_run(actor=request.user, run_id=scoring_run_id)))


class RunScores(APIView):
    @extend_schema(
        operation_id="list_portfolio_scores",
        tags=[TAG],
        description="The riskiest first. Those of a bank's last finished scoring are kept.",
        parameters=[
            OpenApiParameter("band", str, enum=RiskBand.values),
            OpenApiParameter("page", int, description="From 1."),
            OpenApiParameter("page_size", int, description="1 to 100."),
        ],
        responses={200: RunScorePage, 400: REFUSED, 404: Detail},
    )
    def get(self, request: SignedRequest, scoring_run_id: uuid.UUID) -> Response:
        run = selectors.get_run(actor=request.user, run_id=scoring_run_id)
        band = request.query_params.get("band") or None
        if band is not None and band not in RiskBand.values:
            raise ValidationError({"band": [f"One of {', '.join(RiskBand.values)}."]})
        return Response(linked_page_of(selectors.scores_of(run, band=band), request, _rows, size=SIZE))


def _rows(found: Any) -> list[dict[str, Any]]:
    return [{name.removeprefix("loan__"): value for name, value in row.items()} for row in found]


def _shown(run: ScoringRun) -> dict[str, Any]:
    done = run.state == RunState.DONE
    percent = 100 if done else min(99, run.loans_done * 100 // run.loans_total) if run.loans_total else 0
    names = ("state", "ended_too", "loans_total", "loans_done", "model_version", "fault", "summary")
    return {
        "id": run.pk,
        "bank": run.bank_id,
        "percent": percent,
        **{name: getattr(run, name) for name in names},
        "created_at": run.created_at,
        "finished_at": run.finished_at,
    }
