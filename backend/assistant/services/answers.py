"""For customers: an answer out of published help articles that cites them, or the word that there is none.

What a customer reads of it was checked first, so it is never shown while it streams: without a citation of an article
that was really given, it is not an answer; an address of a page that no cited article has is taken out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from backend.assistant.models import Task
from backend.assistant.prompts import prompt
from backend.assistant.redaction import Mask
from backend.assistant.services import questions
from backend.assistant.services.questions import Line, Question
from backend.assistant.talk import Talk
from backend.common.principal import Principal
from backend.support.frames import TEXT_MAX

TOKENS_MAX = 400
DO_NOT_KNOW = "I do not know this, and I would rather not guess."
OFFER = "A person from our support can help you: shall I pass you on?"
CODA = "This is an automatic answer. A person from our support will still join this chat."

_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """A help article that was cited: `/api/help/articles/<slug>/`."""

    number: int
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Answer:
    text: str
    knows: bool
    sources: Sequence[Source] = ()


NO_ANSWER = Answer(DO_NOT_KNOW, knows=False)


def ask_chatbot(*, actor: Principal, lines: Sequence[Line]) -> Question | None:
    """Make the question for the last thing that somebody said to the assistant; None where no article fits, which
    costs nothing.

    Raises: AssistantOff, AssistantResting, BudgetSpent. Locks: as budget.admit.
    """
    mask, articles = Mask(), questions.articles_for(lines[-1].text)
    if not articles:
        return None
    return questions.ask(
        task=Task.CHATBOT,
        prompt=prompt("answer"),
        facts=questions.facts_of(mask, lines, articles),
        mask=mask,
        payer_id=actor.id,
        actor_id=actor.id,
        tokens_max=TOKENS_MAX,
        within_s=settings.ASSISTANT["total_s"],
        articles=articles,
    )


def checked(talk: Talk) -> Answer:
    """Return what of the model's answer a customer may read."""
    cited = [talk.question.articles[number - 1] for number in talk.cited]
    if not talk.knows or not cited or not talk.text.strip():
        return NO_ANSWER
    known = " ".join(article.description for article in cited)
    text = _ADDRESS.sub(lambda found: found[0] if found[0].rstrip(".,;:!?") in known else "…", talk.text.strip())
    sources = [Source(number, article.slug, article.title) for number, article in zip(talk.cited, cited, strict=True)]
    return Answer(text, knows=True, sources=sources)


def in_words(answer: Answer) -> str:
    """Return the answer as one message of a chat, its sources below it."""
    sources = "\n".join(f"[{source.number}] {source.title}" for source in answer.sources)
    room = TEXT_MAX - len(sources) - len(CODA) - 10
    return "\n\n".join(part for part in (answer.text[:room], sources[:1000], CODA) if part)
