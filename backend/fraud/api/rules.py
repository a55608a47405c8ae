"""The rules' versions, trying and publishing them, and snoozes: for bank admins; auditors read."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.pagination import page_of
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.fraud import selectors
from backend.fraud.models import DryRun, RuleSet, Snooze
from backend.fraud.rulesets import CODES
from backend.fraud.services import dryruns, rulesets, snoozes

VERSION_MAX = 2**31 - 1
REFUSED = {
    403: Detail,
    404: Detail,
    409: OpenApiResponse(Detail, description="No draft, changed meanwhile, or a second person must publish it."),
    422: OpenApiResponse(Detail, description="The rules are no such document; the detail says where."),
}
PAGING = [OpenApiParameter("page", int), OpenApiParameter("page_size", int)]


class RuleSetOut(serializers.ModelSerializer[RuleSet]):
    class Meta:
        model = RuleSet
        fields = [
            *("version", "state", "revision", "note", "rules", "created_by_id", "created_at", "changed_by_id"),
            *("changed_at", "published_by_id", "published_at", "retired_by_id", "retired_at"),
        ]
        read_only_fields = fields


class RuleSetPageOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True)
    previous = serializers.IntegerField(allow_null=True)
    total_pages = serializers.IntegerField()
    results = RuleSetOut(many=True)


class RulesDraftIn(serializers.Serializer[Any]):
    rules = serializers.DictField(required=False, help_text="The whole document; left out, a copy.")
    based_on = serializers.IntegerField(required=False, min_value=1, max_value=VERSION_MAX)
    note = TextField(max_length=500, required=False, allow_blank=True)


class DraftChangeIn(serializers.Serializer[Any]):
    revision = serializers.IntegerField(min_value=1, max_value=VERSION_MAX, help_text="The one that was read.")
    rules = serializers.DictField(required=False)
    note = TextField(max_length=500, required=False, allow_blank=True)


class RevisionIn(serializers.Serializer[Any]):
    revision = serializers.IntegerField(min_value=1, max_value=VERSION_MAX, help_text="The one that was read.")


class RuleSets(APIView):
    """Versions, newest first."""

    @extend_schema(
        operation_id="list_fraud_rules",
        tags=["fraud rules"],
        parameters=PAGING,
        responses={200: RuleSetPageOut, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        return Response(page_of(selectors.list_rule_sets(actor=request.user), request, _rule_sets))

    @extend_schema(
        operation_id="draft_fraud_rules",
        tags=["fraud rules"],
        request=RulesDraftIn,
        responses={201: RuleSetOut, **REFUSED},
    )
    def post(self, request: SignedRequest) -> Response:
        given = RulesDraftIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        draft = rulesets.draft_rules(
            actor=request.user,
            rules=asked.get("rules"),
            based_on=asked.get("based_on"),
            note=asked.get("note", ""),
        )
        return Response(RuleSetOut(draft).data, status=status.HTTP_201_CREATED)


class OneRuleSet(APIView):
    """One version. Drafts can be changed by whoever has read them last."""

    @extend_schema(
        operation_id="get_fraud_rules", tags=["fraud rules"], responses={200: RuleSetOut, 403: Detail, 404: Detail}
    )
    def get(self, request: SignedRequest, rules_version: int) -> Response:
        return Response(RuleSetOut(selectors.get_rule_set(actor=request.user, version=rules_version)).data)

    @extend_schema(
        operation_id="change_fraud_rules",
        tags=["fraud rules"],
        request=DraftChangeIn,
        responses={200: RuleSetOut, **REFUSED},
    )
    def patch(self, request: SignedRequest, rules_version: int) -> Response:
        given = DraftChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = {"rules": None, "note": None, **given.validated_data}
        return Response(RuleSetOut(rulesets.change_draft(actor=request.user, version=rules_version, **asked)).data)


class PublishRules(APIView):
    """Put a draft into force, at once and everywhere. Whoever wrote in it does not publish it."""

    @extend_schema(
        operation_id="publish_fraud_rules",
        tags=["fraud rules"],
        request=RevisionIn,
        responses={200: RuleSetOut, **REFUSED},
    )
    def post(self, request: SignedRequest, rules_version: int) -> Response:
        given = RevisionIn(data=request.data)
        given.is_valid(raise_exception=True)
        revision = given.validated_data["revision"]
        made = rulesets.publish(actor=request.user, version=rules_version, revision=revision)
        return Response(RuleSetOut(made).data)


class RetireRules(APIView):
    """Give a draft up. What is in force is retired by publishing another."""

    @extend_schema(
        operation_id="retire_fraud_rules", tags=["fraud rules"], request=None, responses={200: RuleSetOut, **REFUSED}
    )
    def post(self, request: SignedRequest, rules_version: int) -> Response:
        return Response(RuleSetOut(rulesets.retire(actor=request.user, version=rules_version)).data)


class DryRunOut(serializers.ModelSerializer[DryRun]):
    version = serializers.IntegerField(source="rule_set.version")

    class Meta:
        model = DryRun
        fields = [
            *("id", "version", "revision", "state", "since", "asked_by_id", "asked_at", "finished_at"),
            *("counts", "samples"),
        ]
        read_only_fields = fields


class StartDryRun(APIView):
    """Have a version tried on the verdicts of the last 30 days: who would newly be held, alerted, cleared."""

    @extend_schema(
        operation_id="start_fraud_dry_run",
        tags=["fraud rules"],
        request=None,
        responses={202: DryRunOut, 403: Detail, 404: Detail},
    )
    def post(self, request: SignedRequest, rules_version: int) -> Response:
        run = dryruns.start_dry_run(actor=request.user, version=rules_version)
        return Response(DryRunOut(run).data, status=status.HTTP_202_ACCEPTED)


class OneDryRun(APIView):
    """How far a dry run is, and what it has found."""

    @extend_schema(
        operation_id="get_fraud_dry_run", tags=["fraud rules"], responses={200: DryRunOut, 403: Detail, 404: Detail}
    )
    def get(self, request: SignedRequest, dry_run_id: UUID) -> Response:
        return Response(DryRunOut(selectors.get_dry_run(actor=request.user, dry_run_id=dry_run_id)).data)


class RuleSnoozeIn(serializers.Serializer[Any]):
    rule = serializers.ChoiceField(CODES)
    reason = TextField(max_length=500)
    until = serializers.DateTimeField()
    account_id = TextField(max_length=64, required=False, allow_blank=True)
    user_id = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=2**63 - 1)


class RuleSnoozeOut(serializers.ModelSerializer[Snooze]):
    class Meta:
        model = Snooze
        fields = [
            *("id", "rule", "account_id", "user_id", "reason", "created_by_id", "created_at", "until"),
            *("ended_by_id", "ended_at"),
        ]
        read_only_fields = fields


class RuleSnoozePageOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True)
    previous = serializers.IntegerField(allow_null=True)
    total_pages = serializers.IntegerField()
    results = RuleSnoozeOut(many=True)


class RuleSnoozes(APIView):
    """Rules that are silent for a while: for an account, a person, or (a day at most) for all."""

    @extend_schema(
        operation_id="list_fraud_snoozes",
        tags=["fraud rules"],
        parameters=[OpenApiParameter("all", str, enum=["1"], description="Ended ones, too."), *PAGING],
        responses={200: RuleSnoozePageOut, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        only_open = request.query_params.get("all") != "1"
        found = selectors.list_snoozes(actor=request.user, only_open=only_open)
        return Response(page_of(found, request, lambda rows: list(RuleSnoozeOut(rows, many=True).data)))

    @extend_schema(
        operation_id="snooze_fraud_rule",
        tags=["fraud rules"],
        request=RuleSnoozeIn,
        responses={201: RuleSnoozeOut, 403: Detail, 422: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        given = RuleSnoozeIn(data=request.data)
        given.is_valid(raise_exception=True)
        made = snoozes.snooze(actor=request.user, **given.validated_data)
        return Response(RuleSnoozeOut(made).data, status=status.HTTP_201_CREATED)


class OneRuleSnooze(APIView):
    """Have a snoozed rule speak again."""

    @extend_schema(
        operation_id="end_fraud_snooze", tags=["fraud rules"], responses={204: None, 403: Detail, 404: Detail}
    )
    def delete(self, request: SignedRequest, snooze_id: UUID) -> Response:
        snoozes.end_snooze(actor=request.user, snooze_id=snooze_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _rule_sets(found: Sequence[RuleSet]) -> list[Any]:
    return list(RuleSetOut(found, many=True).data)
