"""How the desk orders a chat: priority, labels, snooze, members; and what its customer thought of it."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.errors import NotFound
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.support import selectors
from backend.support.api.shapes import PRIORITIES, require_staff_or_agent
from backend.support.models import Priority
from backend.support.services import members, ratings, triage

TAKEN = OpenApiResponse(Detail, description="A colleague has it, or it is closed.")


class ChatPriority(APIView):
    """How urgent a chat is; the queue goes by it."""

    class PriorityIO(serializers.Serializer[Any]):
        priority = serializers.ChoiceField(choices=PRIORITIES)

    @extend_schema(
        operation_id="set_priority",
        tags=["support"],
        request=PriorityIO,
        responses={200: PriorityIO, 403: Detail, 404: Detail, 409: TAKEN},
    )
    def put(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        require_staff_or_agent(request.user)
        given = self.PriorityIO(data=request.data)
        given.is_valid(raise_exception=True)
        priority = Priority[given.validated_data["priority"].upper()]
        chat = triage.set_priority(actor=request.user, chat_id=chat_id, priority=priority)
        return Response({"priority": Priority(chat.priority).label})


class ChatLabels(APIView):
    """The labels on a chat."""

    class LabelsIO(serializers.Serializer[Any]):
        labels = serializers.ListField(child=TextField(max_length=40), max_length=triage.LABELS_MAX)

    @extend_schema(
        operation_id="set_labels",
        tags=["support"],
        request=LabelsIO,
        responses={
            200: LabelsIO,
            403: Detail,
            404: Detail,
            409: TAKEN,
            422: OpenApiResponse(Detail, description="A label that is not on the list."),
        },
    )
    def put(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        """Exactly these labels, whatever there was."""
        require_staff_or_agent(request.user)
        given = self.LabelsIO(data=request.data)
        given.is_valid(raise_exception=True)
        names = given.validated_data["labels"]
        return Response({"labels": triage.set_labels(actor=request.user, chat_id=chat_id, names=names)})


class Snooze(APIView):
    """Let a chat rest until a time, or until its customer says something."""

    class SnoozeIn(serializers.Serializer[Any]):
        until = serializers.DateTimeField()

    class SnoozeOut(serializers.Serializer[Any]):
        snoozed_until = serializers.DateTimeField(allow_null=True)

    @extend_schema(
        operation_id="snooze_chat",
        tags=["support"],
        request=SnoozeIn,
        responses={200: SnoozeOut, 403: Detail, 404: Detail, 409: TAKEN, 422: Detail},
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        require_staff_or_agent(request.user)
        given = self.SnoozeIn(data=request.data)
        given.is_valid(raise_exception=True)
        chat = triage.snooze_chat(actor=request.user, chat_id=chat_id, until=given.validated_data["until"])
        return Response(self.SnoozeOut(chat).data)

    @extend_schema(
        operation_id="wake_chat", tags=["support"], responses={200: SnoozeOut, 403: Detail, 404: Detail, 409: TAKEN}
    )
    def delete(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        require_staff_or_agent(request.user)
        return Response(self.SnoozeOut(triage.wake_chat(actor=request.user, chat_id=chat_id)).data)


class MemberOut(serializers.Serializer[Any]):
    user_id = serializers.IntegerField()
    user = serializers.CharField(source="user.get_short_name")


class Members(APIView):
    """Who takes part in a colleague's chat: supervisors and second agents."""

    class MemberIn(serializers.Serializer[Any]):
        user = serializers.IntegerField(min_value=1, max_value=2**62)

    @extend_schema(
        operation_id="list_members", tags=["support"], responses={200: MemberOut(many=True), 403: Detail, 404: Detail}
    )
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        require_staff_or_agent(request.user)
        chat = selectors.get_chat_of_staff(actor=request.user, chat_id=chat_id)
        return Response(MemberOut(selectors.members_of(chat), many=True).data)

    @extend_schema(
        operation_id="add_member",
        tags=["support"],
        request=MemberIn,
        responses={
            201: MemberOut,
            403: Detail,
            404: Detail,
            409: TAKEN,
            422: OpenApiResponse(Detail, description="Somebody who cannot take part."),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        require_staff_or_agent(request.user)
        given = self.MemberIn(data=request.data)
        given.is_valid(raise_exception=True)
        grant = members.add_member(actor=request.user, chat_id=chat_id, user_id=given.validated_data["user"])
        return Response(MemberOut(grant).data, status=status.HTTP_201_CREATED)


class OneMember(APIView):
    @extend_schema(
        operation_id="remove_member", tags=["support"], responses={204: None, 403: Detail, 404: Detail, 409: TAKEN}
    )
    def delete(self, request: SignedRequest, chat_id: uuid.UUID, user_id: int) -> Response:
        """Withdraw a member's grant; their open socket closes. A member may leave by themselves."""
        require_staff_or_agent(request.user)
        members.remove_member(actor=request.user, chat_id=chat_id, user_id=user_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ChatRating(APIView):
    """What the customer thought of a chat that was closed."""

    class RatingIn(serializers.Serializer[Any]):
        stars = serializers.IntegerField(min_value=1, max_value=5)
        comment = TextField(max_length=1000, required=False, default="", allow_blank=True)

    class RatingOut(RatingIn):
        created_at = serializers.DateTimeField()
        changed_at = serializers.DateTimeField()

    @extend_schema(operation_id="get_rating", tags=["support"], responses={200: RatingOut, 404: Detail})
    def get(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        rating = ratings.get_rating(actor=request.user, chat_id=chat_id)
        if rating is None:
            raise NotFound("This chat was not rated.")
        return Response(self.RatingOut(rating).data)

    @extend_schema(
        operation_id="rate_chat",
        tags=["support"],
        request=RatingIn,
        responses={
            201: RatingOut,
            200: OpenApiResponse(RatingOut, description="The rating was changed."),
            404: Detail,
            409: OpenApiResponse(Detail, description="The chat is not closed."),
            422: OpenApiResponse(Detail, description="It was closed too long ago."),
        },
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        """Its customer rates a chat once it is closed, and may think again for 7 days."""
        given = self.RatingIn(data=request.data)
        given.is_valid(raise_exception=True)
        rating, is_first = ratings.rate_chat(actor=request.user, chat_id=chat_id, **given.validated_data)
        return Response(self.RatingOut(rating).data, status=status.HTTP_201_CREATED if is_first else status.HTTP_200_OK)
