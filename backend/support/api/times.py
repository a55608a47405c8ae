"""First response and resolution times, for the staff's pages."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.shapes import Detail, SignedRequest
from backend.support import times
from backend.support.zones import zone_of

DEFAULT_DAYS = 30
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)


class Spread(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    median_s = serializers.FloatField(allow_null=True)
    p90_s = serializers.FloatField(allow_null=True)


class Stars(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    average = serializers.FloatField(allow_null=True)


class TimesShown(serializers.Serializer[Any]):
    first_responses = Spread()
    resolutions = Spread()
    transfers = serializers.IntegerField()
    ratings = Stars()


class TimesOfAgent(TimesShown):
    agent = serializers.IntegerField(allow_null=True, help_text="Null: nobody had the chat.")


class TimesOfDay(TimesShown):
    date = serializers.DateField()


class TimesOfAgentAndDay(TimesOfAgent):
    date = serializers.DateField()


class _Asked(serializers.Serializer[Any]):
    tz = serializers.CharField(default="UTC")
    agent = serializers.IntegerField(required=False, min_value=1, max_value=2**62)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's."""
        days = {name: serializers.DateField(required=False) for name in ("from", "to")}
        return {**super().get_fields(), **days}

    def validate_tz(self, value: str) -> ZoneInfo:
        return zone_of(value)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        last = given.get("to") or datetime.now(UTC).astimezone(given["tz"]).date()
        if not EARLIEST <= last <= LATEST:
            raise serializers.ValidationError({"to": ["This day is too far away."]})
        first = given.get("from") or last - timedelta(days=DEFAULT_DAYS - 1)
        if not last - timedelta(days=times.DAYS_MAX - 1) <= first <= last:
            raise serializers.ValidationError({"from": [f"At most {times.DAYS_MAX} days, and not after the last one."]})
        return {"days": times.Range(first, last, given["tz"]), "agent": given.get("agent")}


class Times(APIView):
    """How soon the desk answers and how long chats take: for superusers of everybody, for agents their own."""

    class TimesOut(serializers.Serializer[Any]):
        time_zone = serializers.CharField()
        to = serializers.DateField()
        total = TimesShown()
        agents = TimesOfAgent(many=True)
        days = TimesOfDay(many=True)
        agents_by_day = TimesOfAgentAndDay(many=True)

        def get_fields(self) -> dict[str, Any]:
            return {"from": serializers.DateField(), **super().get_fields()}

    @extend_schema(
        operation_id="get_times",
        tags=["support"],
        parameters=[
            OpenApiParameter("from", date, description=f"The first day. Default: {DEFAULT_DAYS} days in all."),
            OpenApiParameter("to", date, description=f"The last day, at most {times.DAYS_MAX} in all. Default: today."),
            OpenApiParameter("agent", int, description="Of this agent alone."),
            OpenApiParameter("tz", str, description="The IANA time zone whose days these are. Default: UTC."),
        ],
        responses={200: TimesOut, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        asked = _Asked(data=request.query_params)
        asked.is_valid(raise_exception=True)
        days: times.Range = asked.validated_data["days"]
        found = times.times_of(actor=request.user, days=days, agent_id=asked.validated_data["agent"])
        return Response({"from": days.first, "to": days.last, "time_zone": days.zone.key, **found})
