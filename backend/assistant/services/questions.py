"""Making a question: what of a chat the model may read, and the help articles that may answer it. All redacted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from backend.assistant.dialogue import Request, request_of
from backend.assistant.models import Task
from backend.assistant.prompts import Prompt
from backend.assistant.redaction import Mask
from backend.assistant.services import budget
from backend.assistant.services.budget import Ticket
from backend.catalog.selectors import HelpArticle, find_help_articles
from backend.realtime import selectors as topics
from backend.support.frames import MESSAGE, topic_of
from backend.support.models import Chat

ARTICLES_MAX = 3
ARTICLE_CHARACTERS = 2500
QUERY_CHARACTERS = 400
EVENTS_MAX, CHARACTERS_MAX = 60, 12_000


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was said. Without names: the model need not know who people are."""

    role: str  # customer, agent or assistant
    text: str
    files: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What the model will be asked, and what it takes to read its answer."""

    request: Request
    mask: Mask
    articles: Sequence[HelpArticle]
    ticket: Ticket


def lines_of(chat: Chat, *, characters: int = CHARACTERS_MAX, events: int = EVENTS_MAX) -> list[Line]:
    """Return the newest things said in a chat, oldest first, whole ones, up to so many characters. One query.

    Nothing that was withdrawn, no note, and of a file only that there is one: names of files are whatever their sender
    likes.
    """
    found: list[Line] = []
    for event in reversed(topics.last_events(topic_of(chat.pk), events).events):
        if event.kind != MESSAGE:
            continue
        fields = event.fields()
        text, files = fields["message"], len(fields["attachments"])
        if not text and not files:
            continue
        characters -= len(text)
        if characters < 0:
            break
        found.append(Line(fields["role"], text, files))
    return found[::-1]


def asked_last(lines: Sequence[Line]) -> str:
    """Return what the customer has said since somebody else spoke, or else the last thing they said."""
    said: list[str] = []
    for line in reversed(lines):
        if line.role != "customer" and said:
            break
        if line.role == "customer":
            said.append(line.text)
    return " ".join(reversed(said)).strip()[-QUERY_CHARACTERS:]


def articles_for(text: str) -> list[HelpArticle]:
    """Return the published help articles that fit best."""
    return find_help_articles(query=text.replace("\0", " "), limit=ARTICLES_MAX)


def facts_of(mask: Mask, lines: Iterable[Line], articles: Sequence[HelpArticle] | None = None) -> dict[str, Any]:
    """Return the data of a question, everything personal taken out."""
    facts: dict[str, Any] = {"conversation": [_said(mask, line) for line in lines]}
    if articles is not None:
        facts["articles"] = [
            {
                "number": number,
                "title": mask.hide(article.title),
                "text": mask.hide(article.description[:ARTICLE_CHARACTERS]),
            }
            for number, article in enumerate(articles, 1)
        ]
    return facts


def _said(mask: Mask, line: Line) -> dict[str, Any]:
    return {"from": line.role, "text": mask.hide(line.text), **({"files": line.files} if line.files else {})}


def ask(
    *,
    task: Task,
    prompt: Prompt,
    facts: dict[str, Any],
    mask: Mask,
    payer_id: int,
    actor_id: int | None,
    tokens_max: int,
    within_s: float,
    articles: Sequence[HelpArticle] = (),
    chat: Chat | None = None,
) -> Question:
    """Book the question (budget.admit) and return it. Raises: AssistantOff, AssistantResting, BudgetSpent."""
    request = request_of(prompt, facts, tokens_max=tokens_max, within_s=within_s)
    ticket = budget.admit(
        task=task, payer_id=payer_id, actor_id=actor_id, request=request, hidden=mask.count, chat=chat
    )
    return Question(request, mask, articles, ticket)
