"""Transfers that are planned: once on a day, weekly, or monthly."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.customer.shapes import (
    INVALID,
    NOT_VERIFIED,
    PAGED,
    REFUSED,
    STEP_UP,
    TAG,
    ScheduleIn,
    ScheduleOut,
    row_of,
    schedule_row,
)
from backend.banking.api.customer.transfers import payee_in, step_up_in
from backend.banking.api.shapes import bad_request
from backend.banking.models import Schedule
from backend.banking.selectors import people
from backend.banking.services import schedules
from backend.banking.services.schedules import Plan
from backend.common import cursors, keysets
from backend.common.idempotent_views import IDEMPOTENCY_KEY_REQUIRED, idempotent_post
from backend.common.shapes import Detail, SignedRequest


def _shown(schedule: Schedule) -> dict[str, Any]:
    return schedule_row(row_of(schedule, people.SCHEDULE))


class Schedules(APIView):
    @extend_schema(
        operation_id="list_scheduled_transfers",
        tags=[TAG],
        parameters=PAGED,
        responses={200: cursors.page_schema("SchedulePage", ScheduleOut), 400: INVALID, 403: NOT_VERIFIED},
    )
    def get(self, request: SignedRequest) -> Response:
        """One's planned transfers, over ones too, the newest first."""
        people.require_door(request.user, reading=True)
        page = keysets.page_of(
            request,
            lambda after, limit: people.list_schedules(actor=request.user, after=after, limit=limit),
            at="created_at",
            key="id",
        )
        return Response({**page, "results": [schedule_row(row) for row in page["results"]]})

    @extend_schema(
        operation_id="schedule_transfer",
        tags=[TAG],
        description="Plans a transfer, made from 6:00 of its day on, in the bank's time zone. Monthly ones keep their "
        "day of the month; where a month has no such day, its last. One that fails is tried again on the same day, "
        "then given up; `schedule.failed` tells of it.",
        parameters=[IDEMPOTENCY_KEY_REQUIRED, STEP_UP],
        request=ScheduleIn,
        responses={201: ScheduleOut, 400: INVALID, 403: Detail, 404: Detail, 409: Detail, 422: REFUSED},
    )
    @idempotent_post(required=True)
    @bad_request()
    def post(self, request: SignedRequest) -> Response:
        people.require_door(request.user)
        given = ScheduleIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        schedule = schedules.plan_transfer(
            actor=request.user,
            source_id=fields.pop("source"),
            payee=payee_in(fields),
            plan=Plan(**fields),
            step_up_token=step_up_in(request),
        )
        return Response(_shown(schedule), status=status.HTTP_201_CREATED)


class OneSchedule(APIView):
    class ScheduleChangeIn(serializers.Serializer[Any]):
        ends_on = serializers.DateField(allow_null=True, help_text="After this day nothing is sent; null: go on.")

    @extend_schema(operation_id="get_scheduled_transfer", tags=[TAG], responses={200: ScheduleOut, 404: Detail})
    def get(self, request: SignedRequest, schedule_id: UUID) -> Response:
        return Response(schedule_row(people.get_schedule(actor=request.user, schedule_id=schedule_id)))

    @extend_schema(
        operation_id="end_scheduled_transfer",
        tags=[TAG],
        request=ScheduleChangeIn,
        responses={200: ScheduleOut, 400: INVALID, 404: Detail, 409: Detail},
    )
    def patch(self, request: SignedRequest, schedule_id: UUID) -> Response:
        """Say when it ends."""
        people.get_schedule(actor=request.user, schedule_id=schedule_id)
        given = self.ScheduleChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        with bad_request():
            schedule = schedules.end_schedule(
                actor=request.user, schedule_id=schedule_id, ends_on=given.validated_data["ends_on"]
            )
        return Response(_shown(schedule))

    @extend_schema(
        operation_id="cancel_scheduled_transfer", tags=[TAG], responses={200: ScheduleOut, 404: Detail, 409: Detail}
    )
    def delete(self, request: SignedRequest, schedule_id: UUID) -> Response:
        """Send nothing of it any more."""
        return Response(_shown(schedules.cancel_schedule(actor=request.user, schedule_id=schedule_id)))


class SkipNext(APIView):
    class SkipIn(serializers.Serializer[Any]):
        due_on = serializers.DateField(help_text="The day that is next: a repeat skips no second one.")

    @extend_schema(
        operation_id="skip_scheduled_transfer",
        tags=[TAG],
        request=SkipIn,
        responses={200: ScheduleOut, 400: INVALID, 404: Detail, 409: Detail},
    )
    def post(self, request: SignedRequest, schedule_id: UUID) -> Response:
        """Leave the next one out."""
        people.get_schedule(actor=request.user, schedule_id=schedule_id)
        given = self.SkipIn(data=request.data)
        given.is_valid(raise_exception=True)
        with bad_request():
            schedule = schedules.skip_next(
                actor=request.user, schedule_id=schedule_id, due_on=given.validated_data["due_on"]
            )
        return Response(_shown(schedule))
