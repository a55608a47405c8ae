"""`/api/tasks/<id>/`: a file that workers load (BUG-S4-12)."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from backend.banking.api.partner.access import PartnerRequest, SharedView, actor_of
from backend.banking.loads.lines import BadLine
from backend.banking.models import LoadKind, LoadState
from backend.banking.selectors import loads as selectors
from backend.common.shapes import Detail

LINE_MAX = 2**31 - 1

# `errors` is a name that a serializer's class has taken.
TaskOut = type(
    "TaskOut",
    (serializers.Serializer,),
    {
        "id": serializers.UUIDField(),
        "kind": serializers.ChoiceField(choices=LoadKind.choices),
        "bank": serializers.UUIDField(),
        "state": serializers.ChoiceField(
            choices=LoadState.choices, help_text="A `failed` one says why in `fault`; what it had stored stays."
        ),
        "fault": serializers.CharField(),
        "percent": serializers.IntegerField(),
        "size": serializers.IntegerField(help_text="Of the file, in bytes."),
        "lines_read": serializers.IntegerField(),
        "created": serializers.IntegerField(help_text="How many rows were stored so far."),
        "bad": serializers.IntegerField(help_text="How many lines were not."),
        "errors": serializers.ListField(
            child=serializers.JSONField(), help_text="Bad lines by number, in the shape of the upload's own answer."
        ),
        "errors_after": serializers.IntegerField(
            allow_null=True, help_text="Ask for `?after=` this for the next bad lines; null when these are all so far."
        ),
        "created_at": serializers.DateTimeField(),
        "finished_at": serializers.DateTimeField(allow_null=True),
    },
)


class OneTask(SharedView):
    @extend_schema(
        operation_id="get_task",
        tags=["partner"],
        parameters=[
            OpenApiParameter(
                "after", int, description=f"Bad lines behind this one; at most {selectors.LINES_MAX} are shown."
            )
        ],
        responses={
            200: TaskOut,
            400: OpenApiResponse(description="Field errors."),
            403: Detail,
            404: Detail,
        },
    )
    def get(self, request: PartnerRequest, task_id: uuid.UUID) -> Response:
        """How far a file is, and which lines were bad. Bad lines are kept for 30 days."""
        load = selectors.get_load(actor_of(request), task_id)
        lines = selectors.lines_of(load, after=_after(request), limit=selectors.LINES_MAX + 1)
        shown = lines[: selectors.LINES_MAX]
        body: dict[str, Any] = {
            "id": load.pk,
            "kind": load.kind,
            "bank": load.bank_id,
            "state": load.state,
            "fault": load.fault,
            "size": load.size,
            **selectors.progress_of(load),
            "errors": [BadLine(one.line, one.fault).shown for one in shown],
            "errors_after": shown[-1].line if len(lines) > len(shown) else None,
            "created_at": load.created_at,
            "finished_at": load.finished_at,
        }
        return Response(body)


def _after(request: PartnerRequest) -> int:
    given = request.query_params.get("after") or "0"
    if not (given.isascii() and given.isdecimal() and len(given) <= 10 and int(given) <= LINE_MAX):
        raise ValidationError({"after": [f"A whole number from 0 to {LINE_MAX}."]})
    return int(given)
