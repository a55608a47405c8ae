"""The assistant over REST: whether it is there, what it thinks an entry is, and what people have chosen."""

import uuid
from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.assistant.dialogue import is_on
from backend.assistant.models import AutomaticAnswer
from backend.assistant.services import budget, categories, first_answers, preferences
from backend.budget.models import Kind
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest
from backend.identity import limits


class AssistantState(APIView):
    """Whether there is an assistant, and how much of it is left for the caller today."""

    class AssistantStateOut(serializers.Serializer[Any]):
        is_on = serializers.BooleanField(help_text="False where no key is set.")
        is_resting = serializers.BooleanField(help_text="True while its server is not asked, having failed repeatedly.")
        tokens_left = serializers.IntegerField(help_text="Of the caller's share; it begins anew at midnight UTC.")

    @extend_schema(operation_id="get_assistant", tags=["assistant"], responses={200: AssistantStateOut})
    def get(self, request: SignedRequest) -> Response:
        facts = {
            "is_on": is_on(),
            "is_resting": budget.is_resting(),
            "tokens_left": budget.tokens_left(request.user.id),
        }
        return Response(self.AssistantStateOut(facts).data)


class CategoryOf(APIView):
    """Where an entry of the caller's budget belongs: where they put such entries, or else what the model thinks."""

    class EntryToSortIn(serializers.Serializer[Any]):
        kind = serializers.ChoiceField(choices=Kind.choices)
        title = TextField(max_length=100)
        description = TextField(max_length=100, required=False, allow_blank=True)

    class PlaceOut(serializers.Serializer[Any]):
        category = serializers.UUIDField(source="category_id")
        subcategory = serializers.UUIDField(source="subcategory_id", allow_null=True, help_text="Null for incomes.")
        by = serializers.ChoiceField(
            source="source", choices=["own", "model"], help_text="By own entries, or by the model."
        )

    @extend_schema(
        operation_id="suggest_category",
        tags=["assistant"],
        request=EntryToSortIn,
        responses={
            200: PlaceOut,
            404: OpenApiResponse(Detail, description="Nothing fits."),
            422: OpenApiResponse(Detail, description="Today's share is used up."),
            503: OpenApiResponse(Detail, description="There is no assistant, or its server does not answer."),
        },
    )
    def post(self, request: SignedRequest) -> Response:
        given = self.EntryToSortIn(data=request.data)
        given.is_valid(raise_exception=True)
        limits.share_for_person("assistant", request.user.id)
        found = categories.suggest_category(actor=request.user, **given.validated_data)
        return Response(self.PlaceOut(found).data)


class StopAnswers(APIView):
    """Have the assistant say nothing by itself in this chat."""

    class AutomaticAnswerOut(serializers.ModelSerializer[AutomaticAnswer]):
        class Meta:
            model = AutomaticAnswer
            fields = ["chat", "state", "ended_at"]
            read_only_fields = fields

    @extend_schema(
        operation_id="stop_automatic_answers",
        tags=["assistant"],
        request=None,
        responses={200: AutomaticAnswerOut, 404: Detail},
    )
    def post(self, request: SignedRequest, chat_id: uuid.UUID) -> Response:
        """An answer under way is not said any more. One that was said stays; there is no second one anyway."""
        stopped = first_answers.stop(actor=request.user, chat_id=chat_id)
        return Response(self.AutomaticAnswerOut(stopped).data)


class PreferencesView(APIView):
    """How the caller hears of notices while not connected, and whether the assistant may answer them by itself."""

    class PreferencesIO(serializers.Serializer[Any]):
        email = serializers.BooleanField(help_text="Mails about notices. What one must know is mailed all the same.")
        push = serializers.BooleanField(help_text="Pushes to the caller's phones.")
        automatic_answers = serializers.BooleanField(
            help_text="Whether the assistant answers while nobody is available."
        )

    @extend_schema(operation_id="get_preferences", tags=["assistant"], responses={200: PreferencesIO})
    def get(self, request: SignedRequest) -> Response:
        return Response(self.PreferencesIO(preferences.preferences_of(request.user.id)).data)

    @extend_schema(
        operation_id="change_preferences", tags=["assistant"], request=PreferencesIO, responses={200: PreferencesIO}
    )
    def patch(self, request: SignedRequest) -> Response:
        given = self.PreferencesIO(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        chosen = preferences.choose(actor=request.user, changes=given.validated_data)
        return Response(self.PreferencesIO(chosen).data)


urlpatterns = [
    path("api/assistant/", AssistantState.as_view()),
    path("api/assistant/category/", CategoryOf.as_view()),
    path("api/chats/<uuid:chat_id>/assistant/stop/", StopAnswers.as_view()),
    path("api/preferences/", PreferencesView.as_view()),
]
