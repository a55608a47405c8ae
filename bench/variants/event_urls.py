"""The product's routes, and one that stores an event of a kind and rings it: the event itself, without the rules, the
audit and the rows of what causes it."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.realtime.services import rewrite
from backend.support.frames import CHAT, FACT, chat_state, desk_fact, desk_topic_of, said, topic_of
from backend.support.services import messages, telling
from djangocrud.urls import urlpatterns as product

TEXT = "Good morning, I have a question about my last statement."
EDITED_SEQ = 1

Emit = Callable[[UnitOfWork, uuid.UUID, Principal], Any]


def _note(unit: UnitOfWork, chat_id: uuid.UUID, actor: Principal) -> None:
    telling.leave_note(unit, chat_id, TEXT, actor=actor)


def _state(unit: UnitOfWork, chat_id: uuid.UUID, actor: Principal, kind: str) -> None:
    by, words = actor.display_name, f"{actor.display_name} did something."
    if kind == CHAT:
        payload = chat_state("snoozed", by=by, by_id=actor.id, words=words)
        unit.emit(topics=[topic_of(chat_id)], kind=kind, payload=payload)
        return
    payload = desk_fact("priority", by=by, by_id=actor.id, words=words, priority="high")
    unit.emit(topics=[desk_topic_of(chat_id)], kind=kind, payload=payload)


def _edit(unit: UnitOfWork, chat_id: uuid.UUID, actor: Principal) -> None:
    words = f"{actor.display_name} edited a message."
    payload = chat_state("edited", by=actor.display_name, by_id=actor.id, words=words, target=str(chat_id))
    changes = {"message": TEXT, "edited_at": telling.now_text()}
    rewrite(unit, topic=topic_of(chat_id), seq=EDITED_SEQ, changes=changes, kind=CHAT, payload=payload)


EMITS: dict[str, Emit] = {
    "note": _note,
    "edit": _edit,
    "state": partial(_state, kind=CHAT),
    "fact": partial(_state, kind=FACT),
}


class Happen(APIView):
    """A plain message, or an event of another kind."""

    def post(self, request: Request, chat_id: uuid.UUID, kind: str) -> Response:
        actor: Principal = request.user  # type: ignore[assignment]
        if kind == "message":
            messages.post_message(message=said({"message": TEXT}, chat_id=chat_id, author=actor, role="agent"))
            return Response({})
        with unit_of_work() as unit:
            EMITS[kind](unit, chat_id, actor)
        return Response({})


urlpatterns = [*product, path("bench/<uuid:chat_id>/<str:kind>/", Happen.as_view())]
