"""The inbox: lists on the left, a conversation, and beside it what one may know of its customer."""

import uuid

from django.http import HttpRequest, HttpResponse

from backend.assistant.dialogue import is_on
from backend.console import selectors
from backend.console.pages import Page
from backend.console.views.lists import position_in, position_text
from backend.support.models import Priority
from backend.support.services import agents


class Inbox(Page):
    """The whole page; with a chat in the address, that chat is opened by its script."""

    place = "inbox"

    def get(self, request: HttpRequest, chat_id: uuid.UUID | None = None) -> HttpResponse:
        view = view_in(request, default="mine")
        rows, has_more = selectors.list_chats(actor=self.principal, view=view)
        return self.show(
            "inbox.html",
            rows=rows,
            next=cursor_of(rows[-1]) if has_more and view != "queue" else "",
            view=view,
            views=selectors.VIEWS,
            chat_id=chat_id,
            waiting=selectors.count_waiting(),
            assistant_is_on=is_on(),
            availability=agents.availability_of(actor=self.principal),
        )


class ChatList(Page):
    """One list, or its next page, for htmx."""

    place = "inbox"

    def get(self, request: HttpRequest) -> HttpResponse:
        view, after = view_in(request, default="mine"), position_in(request.GET.get("cursor", ""))
        rows, has_more = selectors.list_chats(actor=self.principal, view=view, after=after)
        more = cursor_of(rows[-1]) if has_more and view != "queue" else ""
        return self.show("parts/chats.html", rows=rows, next=more, view=view, is_more=after is not None)


class Card(Page):
    """The card beside a conversation, with what can be done about the chat."""

    place = "inbox"

    def get(self, request: HttpRequest, chat_id: uuid.UUID) -> HttpResponse:
        card = selectors.card_of(actor=self.principal, chat_id=chat_id)
        return self.show("parts/card.html", card=card, priorities=[label for _, label in Priority.choices])


def view_in(request: HttpRequest, *, default: str) -> str:
    view = request.GET.get("view", default)
    return view if view in selectors.VIEWS else default


def cursor_of(row: selectors.Row) -> str:
    return position_text(row.chat.created_at, row.chat.pk)
