"""A small set of cases that a prompt and a model must pass, and what the model answered when it was recorded.

Cases are asked as the product asks, redacted and read by the same code, but with articles and conversations of their
own. A recording is found by everything that is sent, so a prompt that changes has to be recorded anew:
`manage.py evaluate_assistant --record` against a real server. The tests replay the recordings (test_evaluation.py).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.assistant.dialogue import Model, Request, request_of
from backend.assistant.models import Task
from backend.assistant.prompts import prompt
from backend.assistant.redaction import Mask
from backend.assistant.services import answers, budget, questions
from backend.assistant.services.questions import Line, Question
from backend.assistant.talk import Talk
from backend.catalog.selectors import HelpArticle

CASES = Path(__file__).with_name("cases.json")
RECORDED = Path(__file__).with_name("recorded.json")


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went: what is wrong with the answer, if anything."""

    name: str
    prompt: str
    key: str
    raw: str
    faults: Sequence[str]


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(CASES.read_text())
    return found


def key_of(instructions: str, data: str) -> str:
    """Return the name of a recording: everything that was sent, in short."""
    return hashlib.sha256(f"{instructions}\0{data}".encode()).hexdigest()[:16]


def question_of(case: dict[str, Any]) -> Question:
    """Make a case's question. It is booked nowhere: the evaluation is nobody's."""
    mask = Mask()
    lines = [Line(line["from"], line["text"], line.get("files", 0)) for line in case["conversation"]]
    articles = [
        HelpArticle(number, f"article-{number}", one["title"], one["text"], ())
        for number, one in enumerate(case.get("articles", []), 1)
    ]
    facts = questions.facts_of(mask, lines, articles if "articles" in case else None)
    request = request_of(prompt(case["prompt"]), facts, tokens_max=answers.TOKENS_MAX, within_s=60)
    return Question(request, mask, articles, _unpaid(request))


def _unpaid(request: Request) -> budget.Ticket:
    return budget.Ticket(Task.CHATBOT, 0, None, None, request, 0, 0)


async def evaluate(model: Model) -> list[Result]:
    """Ask every case, one after the other, and judge the answers."""
    return [await _judged(case, model) for case in cases()]


async def _judged(case: dict[str, Any], model: Model) -> Result:
    question = question_of(case)
    talk = Talk(question, keep_marks=True)
    raw = _Kept(model)
    await talk.run(raw)
    key = key_of(question.request.instructions, question.request.data)
    faults = [talk.fault.detail] if talk.fault else _faults(case["expect"], talk, question)
    return Result(case["name"], question.request.prompt.version, key, raw.text, faults)


def _faults(expect: dict[str, Any], talk: Talk, question: Question) -> list[str]:
    text = talk.text.casefold()
    faults = []
    if talk.knows != expect["knows"]:
        faults.append(f"knows: {talk.knows}")
    if sorted(talk.cited) != expect.get("cites", []):
        faults.append(f"cites {talk.cited}")
    faults += [f"does not say {word!r}" for word in expect.get("says", []) if word.casefold() not in text]
    faults += [f"says {word!r}" for word in expect.get("never", []) if word.casefold() in text]
    faults += [f"sent {secret!r}" for secret in expect.get("never_sent", []) if secret in question.request.data]
    if len(talk.text.split()) > expect.get("words_max", 150):
        faults.append("is too long")
    return faults


class _Kept:
    """A model of which one keeps what it really said."""

    def __init__(self, model: Model) -> None:
        self.text = ""
        self._model = model

    async def stream(self, request: Any, answering: Any) -> Any:
        async for piece in self._model.stream(request, answering):
            self.text += piece
            yield piece

    async def close(self) -> None:
        """The model is not this one's to close."""
