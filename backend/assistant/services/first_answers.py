"""The answer that a customer gets who waits while nobody is available: once a chat, marked as automatic, stoppable.

A chat is claimed by one process for a while (its row in AutomaticAnswer), so no two answer in it, and one that dies
leaves it to another. Whatever happened meanwhile (an agent took the chat, it was closed, the customer said stop) is
looked at again in the transaction that stores the answer.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from backend.assistant.errors import AssistantBusy, AssistantResting, BudgetSpent, ModelRefused
from backend.assistant.models import AnswerPreference, AutomaticAnswer, Task
from backend.assistant.prompts import prompt
from backend.assistant.redaction import Mask
from backend.assistant.services import answers, questions
from backend.assistant.services.answers import OFFER, Answer
from backend.assistant.services.questions import Question
from backend.audit import services as audit
from backend.common.errors import DomainError
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.support import selectors as support
from backend.support.models import Chat
from backend.support.services import automatic

State = AutomaticAnswer.State
ATTEMPTS_MAX = 3  # that failed
CLAIMS_MAX = 6  # also by processes that died over it
AGAIN_AFTER_S = 5.0

_CLAIM = """
    INSERT INTO assistant_automaticanswer AS a (chat_id, state, attempts, claimed_until, created_at, prompt)
    VALUES (%(chat)s, 'trying', 1, %(until)s, %(now)s, '')
    ON CONFLICT (chat_id) DO UPDATE SET attempts = a.attempts + 1, claimed_until = excluded.claimed_until
    WHERE a.state = 'trying' AND a.claimed_until <= %(now)s RETURNING chat_id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    chat_id: uuid.UUID
    customer_id: int


def claim_due(most: int) -> list[Claim]:
    """Claim up to so many chats that wait for an answer, the longest waiting first; nobody else answers them now.

    Two queries when there are none, else one more for each. Repeating claims others.
    """
    now = datetime.now(UTC)
    asked_before = now - timedelta(seconds=settings.ASSISTANT["answer_after_s"])
    taken = AutomaticAnswer.objects.filter(chat=OuterRef("pk")).filter(
        ~Q(state=State.TRYING) | Q(claimed_until__gt=now) | Q(attempts__gte=CLAIMS_MAX)
    )
    unwilling = AnswerPreference.objects.filter(user=OuterRef("customer_id"), automatic_answers=False)
    waiting = support.list_unanswered(asked_before=asked_before).exclude(Exists(taken)).exclude(Exists(unwilling))
    until = now + timedelta(seconds=settings.ASSISTANT["total_s"] + 15)
    claims = []
    for chat_id, customer_id in waiting.values_list("pk", "customer_id")[:most]:
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, {"chat": chat_id, "until": until, "now": now})
            if cursor.fetchone() is not None:
                claims.append(Claim(chat_id, customer_id))
    return claims


def make_question(chat_id: uuid.UUID) -> Question | None:
    """Make the question for what the customer has asked; None where no article fits. The customer's budget pays.

    Raises: AssistantOff, AssistantResting, BudgetSpent. Locks: as budget.admit.
    """
    chat = support.find_chat(chat_id)
    lines = questions.lines_of(chat) if chat is not None else []
    asked = questions.asked_last(lines)
    mask, articles = Mask(), questions.articles_for(asked) if asked else []
    if chat is None or not articles:
        return None
    return questions.ask(
        task=Task.FIRST_ANSWER,
        prompt=prompt("answer"),
        facts=questions.facts_of(mask, lines, articles),
        mask=mask,
        payer_id=chat.customer_id,
        actor_id=None,
        tokens_max=answers.TOKENS_MAX,
        within_s=settings.ASSISTANT["total_s"],
        articles=articles,
        chat=chat,
    )


def is_wanted(chat_id: uuid.UUID) -> bool:
    """Whether the answer under way is still wanted. Two queries."""
    trying = AutomaticAnswer.objects.filter(chat=chat_id, state=State.TRYING).exists()
    return trying and support.is_unanswered(chat_id)


def deliver(*, chat_id: uuid.UUID, answer: Answer, prompt: str) -> int | None:
    """Say the answer in the chat, marked as automatic; return its `seq`, None when it was no longer wanted.

    Repeating: answers once. Locks: the automatic answer, the chat, its topic.
    After commit: a `message` event with role `assistant`.
    """
    with unit_of_work():
        row = AutomaticAnswer.objects.select_for_update().filter(chat=chat_id, state=State.TRYING).first()
        if row is None:
            return None
        text = answers.in_words(
            answer if answer.knows else Answer(f"{answer.text} {_position_in_words(chat_id)}", False)
        )
        sources = [{"number": one.number, "slug": one.slug, "title": one.title} for one in answer.sources]
        row.seq = automatic.say(chat_id=chat_id, text=text, sources=sources)
        row.state = State.NOT_NEEDED if row.seq is None else State.ANSWERED
        row.prompt, row.ended_at, row.claimed_until = prompt, datetime.now(UTC), None
        row.save()
        chat = support.find_chat(chat_id)
        if row.seq is not None and chat is not None:
            facts = {"knows": answer.knows, "prompt": prompt, "sources": [one.slug for one in answer.sources]}
            audit.record(
                actor_id=None, action="assistant.answered", target=chat, subject_id=chat.customer_id, facts=facts
            )
    return row.seq


def _position_in_words(chat_id: uuid.UUID) -> str:
    chat = support.find_chat(chat_id)
    place = support.queue_position(chat) if chat is not None else None
    return f"Your place in the queue is {place}." if place else OFFER


def put_back(chat_id: uuid.UUID, fault: DomainError) -> None:
    """Leave the chat to a later try; after three, or where trying again is of no use, to people.

    An open circuit is no try. Locks: the automatic answer.
    """
    with unit_of_work():
        row = AutomaticAnswer.objects.select_for_update().filter(chat=chat_id, state=State.TRYING).first()
        if row is None:
            return
        if isinstance(fault, AssistantResting | AssistantBusy):
            row.attempts = max(row.attempts - 1, 0)
        if isinstance(fault, BudgetSpent | ModelRefused) or row.attempts >= ATTEMPTS_MAX:
            row.state, row.ended_at, row.claimed_until = State.GIVEN_UP, datetime.now(UTC), None
        else:
            row.claimed_until = datetime.now(UTC) + timedelta(seconds=AGAIN_AFTER_S * max(row.attempts, 1))
        row.save()


def drop(chat_id: uuid.UUID) -> None:
    """Note that the answer under way was not needed any more: an agent has the chat, or it is closed."""
    trying = AutomaticAnswer.objects.filter(chat=chat_id, state=State.TRYING)
    trying.update(state=State.NOT_NEEDED, ended_at=datetime.now(UTC), claimed_until=None)


def stop(*, actor: Principal, chat_id: uuid.UUID) -> AutomaticAnswer:
    """Have nothing answered automatically in this chat; one that is under way is not said.

    Its customer may, and whoever could answer in it. Repeating, or when it was said already: nothing changes.
    Raises: ChatUnknown. Locks: the automatic answer.
    """
    chat: Chat = support.get_chat(actor=actor, chat_id=chat_id)
    with unit_of_work():
        now = datetime.now(UTC)
        AutomaticAnswer.objects.get_or_create(chat=chat, defaults={"claimed_until": now})
        row = AutomaticAnswer.objects.select_for_update().get(chat=chat)
        if row.state != State.TRYING:
            return row
        row.state, row.stopped_by, row.ended_at, row.claimed_until = State.STOPPED, actor.id, now, None
        row.save()
        audit.record(actor_id=actor.id, action="assistant.stopped", target=chat, subject_id=chat.customer_id)
    return row
