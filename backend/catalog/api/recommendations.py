"""Which tests fit somebody's symptoms and history (S3-B5)."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.catalog import selectors
from backend.catalog.api.shapes import TAGS_MAX, DiagnosticTestOut, tags_of
from backend.catalog.models import NAME_MAX
from backend.common.cursors import BIGGEST_ID
from backend.common.rendering import TextField
from backend.common.shapes import SignedRequest

LIMIT, LIMIT_MAX = 10, 50


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class IdOrName(serializers.Field[Any, Any, Any, Any]):
    """A tag as its id, a number, or as its name, text: `"12"` is a name."""

    def to_internal_value(self, data: Any) -> int | str:
        if type(data) is int and 0 <= data <= BIGGEST_ID:
            return data
        name: str = TextField(max_length=NAME_MAX).run_validation(data)
        return name


class RecommendationsIn(serializers.Serializer[Any]):
    tags = serializers.ListField(child=IdOrName(), min_length=1, max_length=TAGS_MAX)
    limit = serializers.IntegerField(min_value=1, max_value=LIMIT_MAX, default=LIMIT)


class RecommendationOut(DiagnosticTestOut):
    is_own = serializers.BooleanField()
    score = serializers.FloatField(help_text="The share of the asked tags that the test carries.")
    matched = serializers.ListField(child=serializers.CharField())
    reason = serializers.CharField(help_text="Such as: matches 3 of 4: fatigue, fever, thirst")


class RecommendationsOut(serializers.Serializer[Any]):
    results = RecommendationOut(many=True)
    unknown = serializers.ListField(child=serializers.CharField(), help_text="What is no tag here.")


class Recommendations(APIView):
    """Tests by tags: the caller's own and the house's published ones, the best first, each with its reason."""

    @extend_schema(
        operation_id="get_recommendations",
        tags=["catalog"],
        parameters=[
            OpenApiParameter("tags", str, required=True, description="Ids or names, separated by commas."),
            OpenApiParameter("limit", int, description=f"1 to {LIMIT_MAX}. Default: {LIMIT}."),
        ],
        responses={200: RecommendationsOut},
    )
    def get(self, request: SignedRequest) -> Response:
        ids, names = tags_of(request)
        if not ids and not names:
            raise ValidationError({"tags": ["Name at least one tag."]})
        return _answer(request, ids, names, _limit_of(request))

    @extend_schema(
        operation_id="ask_recommendations",
        tags=["catalog"],
        request=RecommendationsIn,
        responses={200: RecommendationsOut},
    )
    def post(self, request: SignedRequest) -> Response:
        given = RecommendationsIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = dict.fromkeys(given.validated_data["tags"])
        ids = [one for one in asked if isinstance(one, int)]
        return _answer(request, ids, [one for one in asked if isinstance(one, str)], given.validated_data["limit"])


def _answer(request: SignedRequest, ids: list[int], names: list[str], limit: int) -> Response:
    found = selectors.recommend_tests(actor=request.user, tag_ids=ids, tag_names=names, limit=limit)
    return Response({"results": found.rows, "unknown": found.unknown})


def _limit_of(request: Request) -> int:
    text = request.query_params.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 10) or not 1 <= int(text) <= LIMIT_MAX:
        raise ValidationError({"limit": [f"A whole number from 1 to {LIMIT_MAX}."]})
    return int(text)
