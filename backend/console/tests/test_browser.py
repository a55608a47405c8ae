"""The inbox as agents live in it: two browsers at once, against a real server."""

import json
import os
import signal
import time
import uuid

import pytest

from backend.conftest import PASSWORD
from backend.console.tests.browsers import PATIENCE_MS, Visitor, until, why_not
from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.realtime.models import Event
from backend.realtime.selectors import events_after
from backend.support.frames import said, topic_of
from backend.support.services import canned, members, messages, ratings
from backend.support.tests.factories import Talk, make_talk, store_messages, waiting_chat

pytestmark = [pytest.mark.server, pytest.mark.skipif(bool(why_not()), reason=why_not() or "there is a browser")]

# What has run somewhere at some time; `xss()` and alerts are what would tell.
PAYLOADS = [
    "<script>xss()</script>",
    "<img src=x onerror=xss()>",
    "<svg/onload=xss()>",
    "<iframe srcdoc='<script>parent.xss()</script>'></iframe>",
    "javascript:xss()",
    '"><details open ontoggle=xss()>',
    "<a href='javascript:xss()' autofocus onfocus=xss()>x</a>",
    "{{constructor.constructor('xss()')()}} ${xss()} <%= xss() %>",
    "<div hx-get='/api/' hx-trigger='load' hx-on::load='xss()'>",
    "<style>*{background:url(https://evil.example/)}</style><link rel=stylesheet href=//evil.example/x>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=xss()>",
]


@pytest.fixture
def talk(live, make_user) -> Talk:
    return make_talk(make_user)


def say(talk: Talk, author, text: str) -> None:
    role = "customer" if author == talk.customer else "agent"
    messages.post_message(message=said({"message": text}, chat_id=talk.id, author=principal_of(author), role=role))


def opened(visitor: Visitor, talk: Talk, page=None):
    """Open the conversation's page and wait until it is live."""
    page = visitor.go(f"/console/inbox/{talk.id}/", page)
    page.wait_for_selector('#talk-wire[data-state="live"]')
    page.wait_for_selector("#events .said")
    return page


def texts(page) -> list[str]:
    return page.locator("#events .said:not(.fact) .text").all_inner_texts()


def stored(talk: Talk) -> list[str]:
    events = events_after(topic_of(talk.id), 0, limit=500).events
    return [message["message"] for message in map(_payload, events) if "attachments" in message]


def _payload(event) -> dict:
    return json.loads(event.payload)


def test_coming_in_by_the_form_and_going_out(browse, make_user):
    agent = make_user("SUPPORT_AGENT", first_name="Amir")
    visitor = browse()
    page = visitor.go("/console/")
    page.fill("#email", agent.email)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    visitor.live()
    assert "Amir" in page.inner_text(".out")

    page.click("text=Sign out")

    page.wait_for_selector("#password")
    assert {cookie["name"] for cookie in visitor.context.cookies()} & {"accessToken", "refreshToken"} == set()


def test_what_is_said_reaches_both_browsers_as_text_and_nothing_of_it_runs(browse, talk, make_user):
    """XSS with real payloads: in messages, notes, names, previews, replies kept ready."""
    colleague = make_user("SUPPORT_AGENT", first_name="<img src=x onerror=xss()>"[:30])
    members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=colleague.pk)
    first, second = browse(talk.agent), browse(colleague)
    pages = [opened(first, talk), opened(second, talk)]
    for page in pages:
        page.evaluate("window.ran = []; window.xss = () => window.ran.push(1); 0")
    for payload in PAYLOADS:
        say(talk, talk.customer, payload)
    pages[0].check("#is-note")
    pages[0].fill("#text", PAYLOADS[1])
    pages[0].press("#text", "Enter")
    pages[1].fill("#text", PAYLOADS[0])
    pages[1].press("#text", "Enter")

    for page in pages:
        until(page, f"document.querySelectorAll('#events .text').length >= {len(PAYLOADS) + 2}")
        assert sorted(texts(page)) == sorted([*PAYLOADS, PAYLOADS[1], PAYLOADS[0]])
        assert page.evaluate("window.ran") == []
        assert page.locator("#events :is(script, iframe, svg, style, details, math, [onerror], [hx-get])").count() == 0


def test_a_double_click_and_a_second_sending_store_one_message(browse, talk):
    page = opened(browse(talk.agent), talk)
    page.fill("#text", "once")
    page.dblclick("#send")
    page.wait_for_selector("#events .said.mine")
    page.fill("#text", "twice the same is meant")
    page.press("#text", "Enter")
    page.wait_for_selector("#events .said.mine >> nth=1")

    assert stored(talk) == ["once", "twice the same is meant"]
    assert page.locator("#pending li").count() == 0


def test_a_dead_socket_shows_within_ten_seconds_heals_and_loses_nothing(browse, talk, live):
    """The server stops answering as a dead path does: without closing anything."""
    visitor = browse(talk.agent)
    page = opened(visitor, talk)
    pid = live.process.pid
    os.kill(pid, signal.SIGSTOP)
    since = time.monotonic()
    try:
        page.wait_for_selector('#talk-wire[data-state="lost"]')
        page.wait_for_selector('#wire[data-state="lost"]')
        shown_after = time.monotonic() - since
        page.fill("#text", "written meanwhile")
        page.press("#text", "Enter")
        page.wait_for_selector("#pending .waiting")
    finally:
        os.kill(pid, signal.SIGCONT)

    page.wait_for_selector('#talk-wire[data-state="back"]')
    page.wait_for_selector("#events .said.mine")
    say(talk, talk.customer, "and after")
    page.wait_for_selector("text=and after")

    assert shown_after < 10
    assert stored(talk) == ["written meanwhile", "and after"]
    assert texts(page) == ["written meanwhile", "and after"]


def test_a_colleagues_answer_is_shown_before_ones_own_is_sent(browse, talk, make_user):
    colleague = make_user("SUPPORT_AGENT", first_name="Carol")
    members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=colleague.pk)
    first, second = browse(talk.agent), browse(colleague)
    held, is_holding = [], [False]

    def between(route):
        server = route.connect_to_server()
        server.on_message(lambda text: held.append(text) if is_holding[0] else route.send(text))
        route.on_message(server.send)
        between.route = route

    first.page.route_web_socket(lambda url: "/support/chat/" in url, between)
    mine, theirs = opened(first, talk), opened(second, talk)

    is_holding[0] = True
    theirs.fill("#text", "I have done it")
    theirs.press("#text", "Enter")
    theirs.wait_for_selector("#events .said.mine")
    mine.fill("#text", "I shall do it")
    mine.press("#text", "Enter")
    deadline = time.monotonic() + 20
    while not any("answered_meanwhile" in text for text in held) and time.monotonic() < deadline:
        mine.wait_for_timeout(50)
    is_holding[0] = False
    for text in held:
        between.route.send(text)

    mine.wait_for_selector("#held:not([hidden])")
    assert "Carol answered meanwhile" in mine.inner_text("#held")
    assert texts(mine) == ["I have done it"]
    assert stored(talk) == ["I have done it"]
    mine.click("text=Send anyway")
    theirs.wait_for_selector("text=I shall do it")
    assert stored(talk) == ["I have done it", "I shall do it"]


def test_two_tabs_agree_on_what_is_unread_and_on_what_was_sent(browse, talk):
    visitor = browse(talk.agent)
    overview = visitor.go("/console/inbox/")
    visitor.live()
    row = overview.locator(f'[data-chat="{talk.id}"]')
    say(talk, talk.customer, "are you there?")
    overview.wait_for_selector(f'[data-chat="{talk.id}"][data-unread="1"]')
    assert "are you there?" in row.inner_text()

    other = opened(visitor, talk, visitor.new_page())
    other.bring_to_front()
    overview.wait_for_selector(f'[data-chat="{talk.id}"][data-unread="0"]', state="attached")
    other.fill("#text", "yes")
    other.press("#text", "Enter")
    overview.wait_for_selector(f'[data-chat="{talk.id}"] >> text=You: yes')


def test_history_loads_upwards_in_order_and_keeps_its_place(browse, talk):
    store_messages(talk, *(f"line {number}" for number in range(130)))
    page = opened(browse(talk.agent), talk)
    assert len(texts(page)) == 50

    for least in (99, 130):
        page.evaluate("document.querySelector('#history').scrollTop = 0")
        until(page, f"document.querySelectorAll('#events .said:not(.fact)').length >= {least}")

    assert texts(page) == [f"line {number}" for number in range(130)]
    assert "beginning" in page.inner_text("#edge")


def test_typing_presence_and_reading_are_shown(browse, talk, make_user):
    colleague = make_user("SUPPORT_AGENT", first_name="Carol")
    members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=colleague.pk)
    first, second = browse(talk.agent), browse(colleague)
    mine, theirs = opened(first, talk), opened(second, talk)
    until(mine, "document.querySelector('#presence').textContent.includes('Carol')")

    theirs.type("#text", "hm")
    until(mine, "document.querySelector('#typing').textContent.includes('Carol')")
    mine.fill("#text", "look")
    mine.press("#text", "Enter")
    theirs.wait_for_selector("text=look")
    until(mine, "document.querySelector('#seen').textContent.includes('Seen')")

    second.close()
    until(mine, "!document.querySelector('#presence').textContent.includes('Carol')")


def test_files_go_along_and_come_up_in_the_other_browser(browse, talk, make_user, tmp_path):
    from backend.common.tests.made_files import picture

    colleague = make_user("SUPPORT_AGENT")
    members.add_member(actor=principal_of(talk.agent), chat_id=talk.id, user_id=colleague.pk)
    mine, theirs = opened(browse(talk.agent), talk), opened(browse(colleague), talk)
    file = tmp_path / "proof & co.png"
    file.write_bytes(picture(size=(60, 40)))
    mine.set_input_files("#file", str(file))
    mine.wait_for_selector("#send:enabled")
    mine.fill("#text", "see here")
    mine.press("#text", "Enter")

    theirs.wait_for_selector("#events img")
    until(theirs, "document.querySelector('#events img').naturalWidth > 0")
    assert theirs.locator("#events img").get_attribute("alt") == "proof & co.png"


def test_a_reply_kept_ready_comes_by_a_slash(browse, talk):
    shortcut = f"hi{uuid.uuid4().hex[:6]}"
    canned.create_reply(
        actor=principal_of(talk.agent), shortcut=shortcut, text="Hello {customer}, I am {agent}.", is_shared=False
    )
    page = opened(browse(talk.agent), talk)
    page.type("#text", f"/{shortcut[:5]}")
    page.wait_for_selector('#canned [aria-selected="true"]')
    page.press("#text", "Enter")
    until(page, "document.querySelector('#text').value.startsWith('Hello')")

    assert page.input_value("#text") == "Hello Ana, I am Ben."
    assert stored(talk) == []


def test_waiting_chats_are_taken_transferred_closed_and_their_rating_is_shown(browse, talk, make_user):
    colleague = make_user("SUPPORT_AGENT", first_name="Carol")
    customer = make_user(first_name="Zoe")
    first, second = browse(talk.agent), browse(colleague)
    mine = first.go("/console/inbox/?view=queue")
    first.live()
    _switch_off(talk.agent, colleague)
    chat = waiting_chat(customer)
    mine.click(f'[data-chat="{chat.pk}"] a')
    mine.click("text=Take this chat")
    mine.wait_for_selector('#talk-wire[data-state="live"]')
    theirs = second.go("/console/inbox/")
    second.live(theirs)

    mine.click("text=Transfer")
    mine.select_option("#agent", str(colleague.pk))
    mine.fill("#why", "please go on")
    mine.click("#card form[data-then~=leave] button")
    theirs.click(f'[data-chat="{chat.pk}"] a')
    theirs.wait_for_selector("text=please go on")
    theirs.click("text=Close the chat")
    theirs.wait_for_selector("#ended:not([hidden])")
    ratings.rate_chat(actor=principal_of(customer), chat_id=chat.pk, stars=4, comment="quick")
    theirs.reload()
    theirs.wait_for_selector(".stars")

    assert theirs.get_attribute(".stars", "aria-label") == "4 of 5"
    assert mine.locator(f'#chats [data-chat="{chat.pk}"]').count() == 0


def _switch_off(*agents) -> None:
    """Whoever has a page open would be given the chat at once."""
    from backend.support.services import agents as desk

    for agent in agents:
        desk.set_availability(actor=principal_of(agent), changes={"is_switched_on": False})


def test_a_withdrawn_role_takes_the_open_page_away(browse, talk):
    page = opened(browse(talk.agent), talk)
    say(talk, talk.customer, "my secret")
    page.wait_for_selector("text=my secret")

    roles.withdraw_role(user=talk.agent, name="SUPPORT_AGENT", withdrawn_by=None)

    page.wait_for_selector("#gone:not([hidden])")
    assert page.locator("#main *").count() == 0
    assert "my secret" not in page.content()


def test_the_keyboard_is_enough(browse, talk):
    visitor = browse(talk.agent)
    page = visitor.go("/console/inbox/")
    visitor.live()
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#help", state="hidden")
    page.keyboard.press("j")
    until(page, f"document.activeElement.dataset.openChat === '{talk.id}'")
    page.keyboard.press("Enter")
    page.wait_for_selector('#talk-wire[data-state="live"]')
    page.keyboard.type("by keys alone")
    page.keyboard.press("Enter")
    page.wait_for_selector("#events .said.mine")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/console/team/", timeout=PATIENCE_MS)

    assert stored(talk) == ["by keys alone"]
    assert Event.objects.filter(topic__key=topic_of(talk.id), kind="message").count() == 1
