"""A model's server can fail in every way: each has a name, none lasts, and none lets its words out."""

import asyncio
import socket
import time

import pytest

from backend.assistant import errors
from backend.assistant.dialogue import Answering, request_of
from backend.assistant.openai_client import OpenAIModel
from backend.assistant.prompts import prompt
from backend.assistant.redaction import Mask
from backend.assistant.services.questions import Question
from backend.assistant.talk import Talk
from backend.assistant.tests import model_server as servers
from backend.assistant.tests.model_server import answering


def question(*, within_s=10.0, tokens_max=50):
    request = request_of(prompt("answer"), {"conversation": []}, tokens_max=tokens_max, within_s=within_s)
    return Question(request, Mask(), (), None)


def asked(within_s=10.0, show=lambda text: None):
    """Ask once, as a server process does; return what became of it."""

    async def run():
        model = OpenAIModel()
        try:
            talk = Talk(question(within_s=within_s))
            await talk.run(model, show)
            return talk
        finally:
            await model.close()

    return asyncio.run(run())


def test_an_answer_streams_in_parts_and_says_what_it_used(model_server):
    model_server.does = answering("Good morning, all is well.", size=5, usage=(321, 12))
    parts = []
    talk = asked(show=parts.append)
    assert (talk.outcome, talk.text, talk.fault) == ("answered", "Good morning, all is well.", None)
    assert len(parts) > 3
    assert "".join(parts) == talk.text
    assert (talk.answering.prompt_tokens, talk.answering.answer_tokens) == (321, 12)


def test_what_is_sent_has_no_tools_and_an_end(model_server):
    asked()
    (sent,) = model_server.received
    assert set(sent) == {"model", "messages", "max_tokens", "temperature", "stream", "stream_options"}
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert sent["max_tokens"] == 50
    assert model_server.keys == ["Bearer test-key"]


@pytest.mark.parametrize(
    ("does", "outcome"),
    [
        (servers.status(500), "away"),
        (servers.status(503), "away"),
        (servers.status(429), "server_busy"),
        (servers.status(401), "misconfigured"),
        (servers.status(404), "misconfigured"),
        (servers.status(400), "refused"),
        (servers.page, "rubbish"),
        (servers.garbage, "rubbish"),
        (servers.strange, "rubbish"),
        (servers.half, "broke_off"),
        (servers.stops_short, "broke_off"),
        (servers.error_within, "broke_off"),
        (servers.refusing, "refused"),
        (servers.filtered, "refused"),
        (servers.calls_a_tool, "rubbish"),
        (servers.endless, "rubbish"),
        (answering("x", finish="function_call"), "rubbish"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", "x"),
)
def test_each_fault_has_a_name_and_says_nothing_of_what_the_server_said(model_server, does, outcome):
    model_server.does = does
    talk = asked()
    assert talk.outcome == outcome
    assert talk.fault is not None
    assert "overloaded" not in talk.fault.detail
    assert talk.fault.trips is (outcome != "refused")


def test_a_server_that_is_down_is_away_at_once(chosen):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Nobody listens there, and nobody else can.
        chosen(key="k", base_url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        assert asked().outcome == "away"


@pytest.mark.parametrize("does", [servers.never, servers.falls_silent])
def test_silence_is_not_waited_for(model_server, chosen, does):
    chosen(first_token_s=0.2)
    model_server.does = does
    assert asked().outcome == "slow"


def test_a_server_that_drips_ends_with_the_time_for_all_of_it(model_server):
    """No single silence is long; together they would never end. The connection goes with the answer."""
    model_server.does = servers.drips
    since = time.monotonic()
    assert asked(within_s=0.4).outcome == "slow"
    assert time.monotonic() - since < 15
    assert model_server.ended.wait(10)


def test_usage_that_is_nonsense_is_bounded_and_missing_usage_is_estimated():
    for said in ((10**12, 10**12), (-5, -5), (None, None)):
        answering_ = Answering(question().request, characters=30)
        answering_.used(*said)
        answering_.settle()
        assert 0 < answering_.prompt_tokens <= 10 * (answering_.request.prompt_tokens + 50)
        assert 0 < answering_.answer_tokens <= 10 * (answering_.request.prompt_tokens + 50)


def test_every_fault_is_one_clear_sentence():
    kinds = [errors.ModelFault, *errors.ModelFault.__subclasses__(), errors.AssistantOff]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.detail.endswith(".") and len(kind.detail) < 120 for kind in kinds)
