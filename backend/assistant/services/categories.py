"""Where an entry of somebody's budget belongs: where they put entries like it, or else what the model thinks.

One's own habit costs nothing and tells nobody anything, so it is asked first. The model gets title and description,
redacted, and the names of the categories; it answers with a number.
"""

import asyncio
import re
import uuid
from dataclasses import dataclass

from django.conf import settings

from backend.assistant.dialogue import client_module, require_on
from backend.assistant.errors import ModelRubbish, NoSuggestion
from backend.assistant.models import Task
from backend.assistant.prompts import prompt
from backend.assistant.redaction import Mask
from backend.assistant.services import budget, questions
from backend.assistant.services.questions import Question
from backend.assistant.talk import Talk
from backend.budget.models import Kind
from backend.budget.selectors import categories
from backend.common.principal import Principal

TOKENS_MAX = 10
CHOICES_MAX = 300


@dataclass(frozen=True, slots=True)
class Choice:
    category_id: uuid.UUID
    subcategory_id: uuid.UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`source` says whose idea it is: `own` entries, or the `model`'s."""

    category_id: uuid.UUID
    subcategory_id: uuid.UUID | None
    source: str


def suggest_category(*, actor: Principal, kind: str, title: str, description: str = "") -> Suggestion:
    """Return the category, with subcategory for expenses, that fits an entry best. Changes nothing of the budget.

    Waits for the model, for some seconds at most: only for threads that nobody else needs (settings.ASSISTANT_PATHS).
    Raises: NoSuggestion, AssistantOff, AssistantResting, BudgetSpent, ModelFault. Locks: as budget.admit.
    """
    place = categories.usual_place(actor=actor, kind=kind, title=title)
    if place is not None:
        return Suggestion(*place, source="own")
    require_on()
    choices = _choices(kind)
    talk = Talk(_question(actor, title, description, choices))
    try:
        asyncio.run(_answered(talk))
    finally:
        budget.settle(talk.question.ticket, talk.answering, talk.outcome)
    if talk.fault is not None:
        raise talk.fault
    chosen = _chosen(talk, choices)
    return Suggestion(chosen.category_id, chosen.subcategory_id, source="model")


async def _answered(talk: Talk) -> None:
    async with client_module().opened_model() as model:
        await talk.run(model)


def _question(actor: Principal, title: str, description: str, choices: list[Choice]) -> Question:
    mask = Mask()
    entry = {"title": mask.hide(title), "description": mask.hide(description)}
    numbered = {str(number): choice.name for number, choice in enumerate(choices, 1)}
    return questions.ask(
        task=Task.CATEGORY,
        prompt=prompt("category"),
        facts={"entry": entry, "choices": numbered},
        mask=mask,
        payer_id=actor.id,
        actor_id=actor.id,
        tokens_max=TOKENS_MAX,
        within_s=settings.ASSISTANT["category_s"],
    )


def _choices(kind: str) -> list[Choice]:
    """Return every place for entries of a kind. Two queries."""
    found = {category.pk: category for category in categories.list_categories(kind=kind)}
    if kind == Kind.INCOME:
        return [Choice(pk, None, category.name) for pk, category in found.items()][:CHOICES_MAX]
    return [
        Choice(one.category_id, one.pk, f"{found[one.category_id].name}: {one.name}")
        for one in categories.list_subcategories(category_id=None)
        if one.category_id in found
    ][:CHOICES_MAX]


def _chosen(talk: Talk, choices: list[Choice]) -> Choice:
    """Return the choice that the model's number stands for. Raises: NoSuggestion, ModelRubbish."""
    if not talk.knows:
        raise NoSuggestion
    number = re.fullmatch(r"\D{0,3}(\d{1,3})\D{0,3}", talk.text.strip())
    if number is None or not 1 <= int(number[1]) <= len(choices):
        raise ModelRubbish
    return choices[int(number[1]) - 1]
