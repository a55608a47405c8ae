"""The assistant beside the composer, in a browser: it streams into a panel, and people decide."""

import pytest

from backend.assistant.tests import model_server as servers
from backend.assistant.tests.factories import write_article
from backend.assistant.tests.model_server import ModelServer, answering
from backend.console.tests.browsers import Visitor, launched, until, why_not
from backend.identity.services import sessions
from backend.support.tests.factories import make_talk, say, texts_in
from backend.tests.servers import Server

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a browser")]

HOSTILE = "<img src=x onerror=xss()> Block [[CARD_1]] under Accounts [1]."


@pytest.fixture
def model():
    with ModelServer().running() as server:
        yield server


@pytest.fixture
def assisted(live, model, tmp_path):
    """A server of this test's own, with a key, on the worker's database."""
    own = Server(live.database, folder=tmp_path, OPENAI_KEY="test", OPENAI_BASE_URL=model.url, OPENAI_MODEL="local")
    with own.running():
        yield own


def test_a_suggestion_streams_as_text_and_is_sent_only_by_the_agent(assisted, model, make_user, monkeypatch):
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    talk = make_talk(make_user)
    write_article(make_user, "Block a lost card " + str(talk.id)[:8])
    say(talk.id, talk.customer, "I lost my card 4111 1111 1111 1111. How do I block a lost card?")
    model.does = answering(HOSTILE, size=6, every_s=0.02)
    pair = sessions.open_session(user=talk.agent, door="console")
    with launched() as browser:
        visitor = Visitor(browser, assisted.base_url)
        visitor.bear(pair.access, pair.refresh)
        page = visitor.go(f"/console/inbox/{talk.id}/")
        page.wait_for_selector('#talk-wire[data-state="live"]')
        page.wait_for_selector("#events .said:not(.fact)")
        page.evaluate("window.ran = []; window.xss = () => window.ran.push(1); 0")
        page.fill("#text", "Good morning!")
        page.keyboard.press("Escape")
        visitor.live()

        page.keyboard.press("s")
        page.wait_for_selector('#assist[data-state="busy"]')
        page.wait_for_selector('#assist[data-state="done"]')
        shown = "<img src=x onerror=xss()> Block 4111 1111 1111 1111 under Accounts."
        assert page.inner_text("#assist-text") == shown
        assert page.locator("#assist img").count() == 0
        assert page.locator("#assist-sources a").count() == 1
        assert page.input_value("#text") == "Good morning!"

        page.click("#assist-use")
        assert page.input_value("#text") == f"Good morning!\n{shown}"
        assert page.locator("#assist").is_hidden()
        assert texts_in(talk.topic)[1:] == []
        page.press("#text", "Enter")
        page.wait_for_selector("#events .said.mine")
        until(page, "document.querySelector('#text').value === ''")

        _says_what_it_cannot(page, model)
        assert page.evaluate("window.ran") == []
        visitor.close()
    assert visitor.faults == []
    assert texts_in(talk.topic)[1:] == [f"Good morning!\n{shown}"]


def _says_what_it_cannot(page, model):
    model.does = answering("UNKNOWN")
    page.click("#assist-suggest")
    page.wait_for_selector('#assist[data-state="unknown"]')
    assert "does not know" in page.inner_text("#assist-state")

    model.does = servers.half
    page.click("#assist-summarise")
    page.wait_for_selector('#assist[data-state="failed"]')
    assert "broke off" in page.inner_text("#assist-state")
    assert page.locator("#assist-use").is_hidden()
    assert page.locator("#assist-note").is_hidden()

    model.does = servers.falls_silent
    page.click("#assist-again")
    page.wait_for_selector('#assist[data-state="busy"]')
    page.click("#assist-stop")
    assert page.locator("#assist").is_hidden()
