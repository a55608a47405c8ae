"""For agents: the next message, and what a chat is about. They read, change and decide; nothing is sent from here."""

import uuid

from django.conf import settings

from backend.assistant.dialogue import require_on
from backend.assistant.errors import NothingToAnswer
from backend.assistant.models import Task
from backend.assistant.prompts import prompt
from backend.assistant.redaction import Mask
from backend.assistant.services import questions
from backend.assistant.services.questions import Question
from backend.common.principal import Principal
from backend.support import selectors as support

TOKENS_MAX = 400
SUMMARY_EVENTS, SUMMARY_CHARACTERS = 300, 24_000


def suggest_reply(*, actor: Principal, chat_id: uuid.UUID) -> Question:
    """Make the question for a reply to what the customer said last, with the help articles that fit.

    Raises: AssistantOff, ChatUnknown (also: the actor does not answer in it), NothingToAnswer, AssistantResting,
    BudgetSpent (the agent's own). Locks: as budget.admit.
    """
    require_on()
    chat = support.get_chat_of_staff(actor=actor, chat_id=chat_id)
    lines = questions.lines_of(chat)
    asked = questions.asked_last(lines)
    if not asked:
        raise NothingToAnswer
    mask, articles = Mask(), questions.articles_for(asked)
    return questions.ask(
        task=Task.SUGGESTION,
        prompt=prompt("suggestion"),
        facts=questions.facts_of(mask, lines, articles),
        mask=mask,
        payer_id=actor.id,
        actor_id=actor.id,
        tokens_max=TOKENS_MAX,
        within_s=settings.ASSISTANT["total_s"],
        articles=articles,
        chat=chat,
    )


def summarise(*, actor: Principal, chat_id: uuid.UUID) -> Question:
    """Make the question for a summary of the chat.

    Raises: as `suggest_reply`. Locks: as budget.admit.
    """
    require_on()
    chat = support.get_chat_of_staff(actor=actor, chat_id=chat_id)
    lines = questions.lines_of(chat, characters=SUMMARY_CHARACTERS, events=SUMMARY_EVENTS)
    if not lines:
        raise NothingToAnswer
    mask = Mask()
    return questions.ask(
        task=Task.SUMMARY,
        prompt=prompt("summary"),
        facts=questions.facts_of(mask, lines),
        mask=mask,
        payer_id=actor.id,
        actor_id=actor.id,
        tokens_max=TOKENS_MAX,
        within_s=settings.ASSISTANT["total_s"],
        chat=chat,
    )
