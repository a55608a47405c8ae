"""Inboxes over REST: one's own, and the bank admins' desk in S2's shape (S2-R17)."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.principal import BANK_ADMIN
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.notifications import selectors
from backend.notifications.notices import KINDS, Notice
from backend.notifications.selectors import Received
from backend.notifications.services import devices as push_devices
from backend.notifications.services import inbox, inbox_of
from backend.realtime import selectors as topics

PAGE, PAGE_MAX = 20, 100


class NoticeOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="The notice's `seq` in its topic.")
    notification_type = serializers.CharField()
    kind = serializers.CharField()
    title = serializers.CharField()
    message = serializers.CharField()
    priority = serializers.CharField()
    payload = serializers.DictField()
    is_read = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class InboxOut(serializers.Serializer[Any]):
    results = NoticeOut(many=True)
    unread = serializers.IntegerField()
    before = serializers.IntegerField(allow_null=True, help_text="`?before=` of the next page; null on the last one.")


class UnreadOut(serializers.Serializer[Any]):
    unread = serializers.IntegerField()


class DeskPageOut(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True)
    previous = serializers.IntegerField(allow_null=True)
    results = NoticeOut(many=True)


class Inbox(APIView):
    """The caller's own notices, newest first."""

    @extend_schema(
        operation_id="list_notices",
        tags=["notifications"],
        parameters=[
            OpenApiParameter("before", int, description="Notices with a smaller id only."),
            OpenApiParameter("is_read", bool),
        ],
        responses={200: InboxOut},
    )
    def get(self, request: SignedRequest) -> Response:
        topic = inbox_of(request.user.id)
        before = _number(request, "before", 2**62, 2**62)
        found = selectors.list_notices(
            user_id=request.user.id, topic=topic, before=before, limit=PAGE + 1, is_read=_switch(request, "is_read")
        )
        shown = found[:PAGE]
        body = {
            "results": [_body(notice) for notice in shown],
            "unread": inbox.unread_count(actor=request.user, topic=topic),
            "before": shown[-1].seq if len(found) > PAGE else None,
        }
        return Response(body)


class ReadNotice(APIView):
    """Say that a notice has been read. What was still to be mailed of it is cancelled."""

    @extend_schema(
        operation_id="read_notice", tags=["notifications"], request=None, responses={200: UnreadOut, 404: Detail}
    )
    def post(self, request: SignedRequest, notice_id: int) -> Response:
        return _read(request, inbox_of(request.user.id), notice_id)


class ReadAllNotices(APIView):
    @extend_schema(operation_id="read_all_notices", tags=["notifications"], request=None, responses={200: UnreadOut})
    def post(self, request: SignedRequest) -> Response:
        topic = inbox_of(request.user.id)
        inbox.mark_all_read(actor=request.user, topic=topic)
        return Response({"unread": inbox.unread_count(actor=request.user, topic=topic)})


class Desk(APIView):
    """What the bank admins' desk was told, each reader with marks of their own (S2-R17, BUG-S2-25)."""

    @extend_schema(
        operation_id="list_desk_notices",
        tags=["notifications"],
        parameters=[
            OpenApiParameter("page", int),
            OpenApiParameter("page_size", int),
            OpenApiParameter("notification_type", str, description="S2's word, such as KYC_UPLOAD."),
            OpenApiParameter("is_read", bool),
        ],
        responses={200: DeskPageOut, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        topic = inbox.require_desk(request.user, BANK_ADMIN)
        number, size = (
            _number(request, "page", 1, 100_000, least=1),
            _number(request, "page_size", PAGE, PAGE_MAX, least=1),
        )
        wanted = request.query_params.get("notification_type", "")
        kinds = [kind for kind, cls in KINDS.items() if cls.notification_type == wanted] if wanted else None
        found = selectors.list_notices(
            user_id=request.user.id,
            topic=topic,
            limit=size + 1,
            offset=(number - 1) * size,
            kinds=kinds,
            is_read=_switch(request, "is_read"),
        )
        if number > 1 and not found:
            raise NotFound("There is no such page.")
        body = {
            "count": topics.heads_of([topic]).get(topic, 0),
            "next": number + 1 if len(found) > size else None,
            "previous": number - 1 if number > 1 else None,
            "results": [_body(notice) for notice in found[:size]],
        }
        return Response(body)


class ReadDeskNotice(APIView):
    @extend_schema(
        operation_id="read_desk_notice",
        tags=["notifications"],
        request=None,
        responses={200: UnreadOut, 403: Detail, 404: Detail},
    )
    def post(self, request: SignedRequest, notice_id: int) -> Response:
        return _read(request, inbox.require_desk(request.user, BANK_ADMIN), notice_id)


class PushDeviceIn(serializers.Serializer[Any]):
    token = TextField(max_length=255, help_text="What Expo's client returns: ExponentPushToken[…]")


class PushDevices(APIView):
    """The phones that take pushes for the caller."""

    @extend_schema(operation_id="add_push_device", tags=["notifications"], request=PushDeviceIn, responses={204: None})
    def post(self, request: SignedRequest) -> Response:
        push_devices.add_device(actor=request.user, token=_token(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="remove_push_device",
        tags=["notifications"],
        parameters=[OpenApiParameter("token", str, required=True)],
        responses={204: None},
    )
    def delete(self, request: SignedRequest) -> Response:
        push_devices.remove_device(actor=request.user, token=request.query_params.get("token", ""))
        return Response(status=status.HTTP_204_NO_CONTENT)


def _read(request: SignedRequest, topic: str, notice_id: int) -> Response:
    inbox.mark_read(actor=request.user, topic=topic, seqs=[notice_id])
    return Response({"unread": inbox.unread_count(actor=request.user, topic=topic)})


def _token(request: Request) -> str:
    given = PushDeviceIn(data=request.data)
    given.is_valid(raise_exception=True)
    return str(given.validated_data["token"])


def _body(received: Received) -> dict[str, Any]:
    notice = received.notice
    title, message = notice.in_words() if notice else (received.kind, "")
    return {
        "id": received.seq,
        "notification_type": notice.notification_type if notice else Notice.notification_type,
        "kind": received.kind,
        "title": title,
        "message": message,
        "priority": notice.priority if notice else Notice.priority,
        "payload": received.payload,
        "is_read": received.is_read,
        "created_at": received.created_at,
    }


def _number(request: Request, name: str, default: int, most: int, *, least: int = 0) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20) or not least <= int(text) <= most:
        raise ValidationError({name: [f"A whole number from {least} to {most}."]})
    return int(text)


def _switch(request: Request, name: str) -> bool | None:
    text = request.query_params.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise ValidationError({name: ["Say true or false."]})
    return None if not text else text == "true"


urlpatterns = [
    path("api/notifications/", Inbox.as_view()),
    path("api/notifications/read/", ReadAllNotices.as_view()),
    path("api/notifications/<int:notice_id>/read/", ReadNotice.as_view()),
    path("api/notifications/devices/", PushDevices.as_view()),
    path("api/admin/notifications/", Desk.as_view()),
    path("api/admin/notifications/<int:notice_id>/read/", ReadDeskNotice.as_view()),
]
