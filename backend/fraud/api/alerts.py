"""Fraud alerts (S2-R10): bank admins read, claim and decide them; auditors read."""

from collections.abc import Sequence
from typing import Any

import orjson
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common import cursors
from backend.common.pagination import page_of
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.fraud import selectors
from backend.fraud.models import AlertNote, FraudAlert
from backend.fraud.selectors import AlertFilter
from backend.fraud.services import reviews

ID_MAX = 2**63 - 1
REFUSED = {
    403: OpenApiResponse(Detail, description="Not for you, or an alert about yourself."),
    404: Detail,
    409: OpenApiResponse(
        Detail, description="A colleague has it (`reviewer`, `claimed_until`), or it is decided (`status`)."
    ),
}


class AlertOut(serializers.ModelSerializer[FraudAlert]):
    class Meta:
        model = FraudAlert
        fields = [
            *("alert_id", "alert_type", "severity", "status", "title", "description", "risk_score", "created_at"),
            *("user_id", "subject_kind", "subject_id", "account_number", "amount", "currency", "is_held", "hold_until"),
            *("claimed_by_id", "claimed_until", "escalated_at", "repeats", "last_seen_at", "label", "decided_at"),
        ]
        read_only_fields = fields


class AlertPageOut(serializers.Serializer[Any]):
    count = serializers.IntegerField(required=False, help_text="Not with `cursor`.")
    count_estimated = serializers.BooleanField(required=False)
    previous = serializers.IntegerField(required=False, allow_null=True)
    total_pages = serializers.IntegerField(required=False)
    next = serializers.JSONField(help_text="The next page's number, or with `cursor` its cursor; null at the end.")
    results = AlertOut(many=True)


class ReasonOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    points = serializers.IntegerField()
    snoozed = serializers.BooleanField()
    words = serializers.CharField()


class AssessmentOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    score = serializers.IntegerField()
    rules_version = serializers.IntegerField()
    engine = serializers.IntegerField()
    reasons = ReasonOut(many=True)
    facts = serializers.DictField(help_text="What was known, as it was judged.")


DECIDING = (
    *("proposed_verdict", "proposed_by_id", "proposed_at", "proposed_reason"),
    *("decided_by_id", "reason", "labelled_by_id", "labelled_at"),
)


class AlertDetailOut(AlertOut):
    assessment = AssessmentOut(allow_null=True)
    customer = serializers.DictField(allow_null=True)

    class Meta(AlertOut.Meta):
        fields = [*AlertOut.Meta.fields, "assessment", "customer", *DECIDING]
        read_only_fields = fields


class AlertQuery(serializers.Serializer[Any]):
    status = serializers.ChoiceField(FraudAlert.Status.choices, required=False)
    severity = serializers.ChoiceField(FraudAlert.Severity.choices, required=False)
    alert_type = serializers.ChoiceField(FraudAlert.Type.choices, required=False)
    assigned = serializers.ChoiceField(["me", "nobody", "all"], required=False)
    label = serializers.ChoiceField(FraudAlert.Label.choices, required=False)  # type: ignore[assignment]
    is_held = serializers.BooleanField(required=False, help_text="Money waits, or did.")
    user_id = serializers.IntegerField(required=False, min_value=1, max_value=ID_MAX)
    score_min = serializers.IntegerField(required=False, min_value=0, max_value=100)
    since = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False)


PAGING = [
    OpenApiParameter("page", int),
    OpenApiParameter("page_size", int),
    OpenApiParameter("cursor", str, description=f"Instead of `page`. {cursors.CURSOR_HELP}"),
]


class Alerts(APIView):
    """Alerts, newest first; those about oneself are not among them."""

    @extend_schema(
        operation_id="list_fraud_alerts",
        tags=["fraud"],
        parameters=[AlertQuery, *PAGING],
        responses={200: AlertPageOut, 400: OpenApiResponse(description="A filter that is none."), 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        selectors.require_reader(request.user)
        asked = AlertQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = selectors.list_alerts(actor=request.user, wanted=AlertFilter(**asked.validated_data))
        if not cursors.is_paged(request):
            return Response(page_of(found, request, _rendered))

        def fetch(after: int | None, limit: int) -> Sequence[FraudAlert]:
            return list((found if after is None else found.filter(pk__lt=after))[:limit])

        page = cursors.page_of(request, fetch, lambda alert: alert.pk)
        return Response({**page, "results": _rendered(page["results"])})


class OneAlert(APIView):
    """An alert with what it rests on: the facts as they were judged, the rules that spoke, who decided."""

    @extend_schema(
        operation_id="get_fraud_alert", tags=["fraud"], responses={200: AlertDetailOut, 403: Detail, 404: Detail}
    )
    def get(self, request: SignedRequest, alert_id: str) -> Response:
        return Response(_detail(selectors.get_alert(actor=request.user, alert_id=alert_id)))


class ClaimAlert(APIView):
    """Take an alert for a while; taking it again lasts longer, giving it back is DELETE."""

    @extend_schema(operation_id="claim_fraud_alert", tags=["fraud"], request=None, responses={200: AlertOut, **REFUSED})
    def post(self, request: SignedRequest, alert_id: str) -> Response:
        return Response(AlertOut(reviews.claim(actor=request.user, alert_id=alert_id)).data)

    @extend_schema(operation_id="give_fraud_alert_back", tags=["fraud"], responses={204: None, **REFUSED})
    def delete(self, request: SignedRequest, alert_id: str) -> Response:
        reviews.give_back(actor=request.user, alert_id=alert_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DecisionIn(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(FraudAlert.Verdict.choices)
    reason = TextField(max_length=1000)


class DecideAlert(APIView):
    """Release or reject. Where much money waits, the first person's word is a proposal (`status` PROPOSED)."""

    @extend_schema(
        operation_id="decide_fraud_alert", tags=["fraud"], request=DecisionIn, responses={200: AlertOut, **REFUSED}
    )
    def post(self, request: SignedRequest, alert_id: str) -> Response:
        given = DecisionIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(AlertOut(reviews.decide(actor=request.user, alert_id=alert_id, **given.validated_data)).data)


class AlertLabelIn(serializers.Serializer[Any]):
    label = serializers.ChoiceField(FraudAlert.Label.choices)  # type: ignore[assignment]
    reason = TextField(max_length=1000)


class LabelAlert(APIView):
    """What a decided alert has turned out to be. A decision sets it; later knowledge corrects it."""

    @extend_schema(
        operation_id="label_fraud_alert", tags=["fraud"], request=AlertLabelIn, responses={200: AlertOut, **REFUSED}
    )
    def put(self, request: SignedRequest, alert_id: str) -> Response:
        given = AlertLabelIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(AlertOut(reviews.set_label(actor=request.user, alert_id=alert_id, **given.validated_data)).data)


class AlertNoteIn(serializers.Serializer[Any]):
    text = TextField(max_length=4000)


class AlertNoteOut(serializers.ModelSerializer[AlertNote]):
    author = serializers.CharField(source="author.get_short_name")

    class Meta:
        model = AlertNote
        fields = ["id", "author_id", "author", "text", "created_at"]
        read_only_fields = fields


class AlertNotes(APIView):
    """What reviewers wrote down, newest first, the last 200."""

    @extend_schema(
        operation_id="list_fraud_alert_notes",
        tags=["fraud"],
        responses={200: AlertNoteOut(many=True), 403: Detail, 404: Detail},
    )
    def get(self, request: SignedRequest, alert_id: str) -> Response:
        found = selectors.list_notes(actor=request.user, alert_id=alert_id)
        return Response(AlertNoteOut(found, many=True).data)

    @extend_schema(
        operation_id="add_fraud_alert_note",
        tags=["fraud"],
        request=AlertNoteIn,
        responses={201: AlertNoteOut, 403: Detail, 404: Detail},
    )
    def post(self, request: SignedRequest, alert_id: str) -> Response:
        given = AlertNoteIn(data=request.data)
        given.is_valid(raise_exception=True)
        note = reviews.add_note(actor=request.user, alert_id=alert_id, text=given.validated_data["text"])
        return Response(AlertNoteOut(note).data, status=status.HTTP_201_CREATED)


def _rendered(alerts: Sequence[FraudAlert]) -> list[Any]:
    return list(AlertOut(alerts, many=True).data)


def _detail(alert: FraudAlert) -> dict[str, Any]:
    shown = ("id", "username", "customer_id", "kyc_status", "risk_profile")
    return {
        **AlertOut(alert).data,
        "assessment": _assessment(alert),
        "customer": {name: getattr(alert.user, name) for name in shown} if alert.user else None,
        **{name: getattr(alert, name) for name in DECIDING},
    }


def _assessment(alert: FraudAlert) -> dict[str, Any] | None:
    found = alert.assessment
    if found is None:
        return None
    return {
        "at": found.at,
        "score": found.score,
        "rules_version": found.rule_set.version,
        "engine": found.engine,
        "reasons": orjson.loads(found.verdict)["reasons"],
        "facts": orjson.loads(found.inputs)["facts"],
    }
