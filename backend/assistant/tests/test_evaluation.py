"""The prompts pass their evaluation set, replayed from what a model answered when it was recorded."""

import json

import pytest
from django.core.management import CommandError, call_command

from backend.assistant import evaluation
from backend.assistant.tests.model_server import answering, status

RECORDED = json.loads(evaluation.RECORDED.read_text())


def replay(handler, asked):
    """Answer as recorded; what was never recorded is no route."""
    key = evaluation.key_of(asked["messages"][0]["content"], asked["messages"][1]["content"])
    found = RECORDED.get(key)
    (answering(found["answer"]) if found else status(404))(handler, asked)


def test_every_case_passes_as_recorded(model_server, capsys):
    """A prompt or a case that changed is recorded anew: manage.py evaluate_assistant --record."""
    model_server.does = replay
    call_command("evaluate_assistant")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(evaluation.cases())
    assert len(RECORDED) == len(evaluation.cases())


def test_a_model_that_answers_otherwise_fails(model_server):
    model_server.does = answering("Your SSN is 123-45-6789 and your balance is 5 million [3].")
    with pytest.raises(CommandError, match=f"{len(evaluation.cases())} of {len(evaluation.cases())} cases failed"):
        call_command("evaluate_assistant")


def test_without_a_key_it_says_so(chosen):
    chosen(key="")
    with pytest.raises(CommandError, match="OPENAI_KEY is not set"):
        call_command("evaluate_assistant")
