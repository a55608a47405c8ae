"""Who may open a chat's socket, with which credential, and what ends an open one."""

import asyncio
import contextlib
import uuid
from datetime import timedelta

import pytest
from rest_framework_simplejwt.tokens import AccessToken
from websockets.exceptions import ConnectionClosed

from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.services import roles, sessions
from backend.support.models import Chat
from backend.support.services import chats
from backend.support.tests.factories import head_of, texts_in, token_of, waiting_chat
from backend.support.tests.wire import close_code_of, wire
from bench.client import call

pytestmark = pytest.mark.server


def _expiring(token: str, **lifetime: float) -> str:
    """Return the same access token with another time to live from now."""
    copy = AccessToken(token)
    copy.set_exp(lifetime=timedelta(**lifetime))
    return str(copy)


# Credentials


@pytest.mark.parametrize(
    ("_case", "options"),
    [
        ("bearer header", lambda token: {"additional_headers": {"Authorization": f"Bearer {token}"}}),
        ("token header", lambda token: {"additional_headers": {"Authorization": f"Token {token}"}}),
        ("any case", lambda token: {"additional_headers": {"authorization": f"bEARER   {token}"}}),
        ("query", lambda token: {"path": "/ws/support/chat/{}/?token=" + token}),
        ("query under api", lambda token: {"path": "/api/ws/support/chat/{}/?after=0&token=" + token}),
        ("subprotocol", lambda token: {"subprotocols": ["bearer", token]}),
        ("subprotocol after another", lambda token: {"subprotocols": ["json", "bearer", token]}),
    ],
)
def test_each_way_to_present_a_token_opens_the_chat(live, talk, _case, options):
    """S1-B19, S1-R35, K-79."""

    async def play():
        async with wire(live, talk.id, **options(talk.customer_token)) as ana:
            return len(await ana.array()), ana.socket.subprotocol, str(ana.socket.response.headers)

    events, subprotocol, headers = asyncio.run(play())
    assert events == 2
    assert subprotocol == ("bearer" if "subprotocol" in _case else None)
    assert talk.customer_token not in headers


def test_the_token_is_in_no_log(live, talk):
    """BUG-S1-37."""
    path = "/ws/support/chat/{}/?token=" + talk.customer_token

    async def play():
        async with wire(live, talk.id, path=path) as ana:
            await ana.array()

    asyncio.run(play())
    assert asyncio.run(close_code_of(live, uuid.uuid4(), path=path)) == 4005
    assert talk.customer_token not in live.log.read_text()


@pytest.mark.parametrize(
    ("_case", "options"),
    [
        ("nothing", lambda token: {}),
        ("empty query", lambda token: {"path": "/ws/support/chat/{}/?token="}),
        ("garbage query", lambda token: {"path": "/ws/support/chat/{}/?token=%FF%00garbage"}),
        ("garbage header", lambda token: {"additional_headers": {"Authorization": "Bearer garbage"}}),
        ("header without token", lambda token: {"additional_headers": {"Authorization": "Bearer"}}),
        ("another scheme", lambda token: {"additional_headers": {"Authorization": f"Basic {token}"}}),
        ("token of nobody", lambda token: {"additional_headers": {"Authorization": f"Bearer {token[:-2]}"}}),
        ("subprotocol without token", lambda token: {"subprotocols": ["bearer"]}),
        ("subprotocol with garbage", lambda token: {"subprotocols": ["bearer", "garbage"]}),
        ("expired", lambda token: {"path": "/ws/support/chat/{}/?token=" + _expiring(token, seconds=-1)}),
        (
            "a bad header is not saved by a good query",
            lambda token: {
                "additional_headers": {"Authorization": "Bearer garbage"},
                "path": "/ws/support/chat/{}/?token=" + token,
            },
        ),
    ],
)
def test_without_a_valid_token_the_socket_closes_4001(live, talk, _case, options):
    """S1-B20, E-S1-16, BUG-S1-31: accepted first, so that the client sees the code."""
    assert asyncio.run(close_code_of(live, talk.id, **options(talk.customer_token))) == 4001
    assert head_of(talk.topic) == 2


def test_a_refresh_token_opens_nothing(live, talk):
    """BUG-S1-32."""
    refresh = sessions.open_session(user=talk.customer, door="s1").refresh

    assert asyncio.run(close_code_of(live, talk.id, refresh)) == 4001


def test_a_session_that_was_ended_opens_nothing(live, talk):
    pair = sessions.open_session(user=talk.customer, door="s1")
    sessions.end_session(user_id=talk.customer.pk, sid=pair.sid, reason="sign_out")

    assert asyncio.run(close_code_of(live, talk.id, pair.access)) == 4001


def test_a_blocked_person_opens_nothing(live, talk):
    """E-S1-16, BUG-S1-32."""
    User.objects.filter(pk=talk.customer.pk).update(is_active=False)

    assert asyncio.run(close_code_of(live, talk.id, talk.customer_token)) == 4001


def test_a_token_of_nobody_asks_before_the_chat_is_looked_up(live):
    assert asyncio.run(close_code_of(live, uuid.uuid4())) == 4001


# Addresses and members


def test_an_unknown_chat_closes_4005(live, talk):
    assert asyncio.run(close_code_of(live, uuid.uuid4(), talk.customer_token)) == 4005


@pytest.mark.parametrize(
    "path",
    ["/ws/", "/ws/support/chat/", "/ws/support/chat/1/", "/ws/support/chat/{}", "/ws/support/chat/{}/more/", "/"],
)
def test_an_address_without_a_socket_closes_4005(live, talk, path):
    assert asyncio.run(close_code_of(live, talk.id, talk.customer_token, path=path)) == 4005


@pytest.mark.parametrize(
    ("_case", "role_names", "flags"),
    [
        ("another customer", (), {}),
        ("another agent", ("SUPPORT_AGENT",), {}),
        ("a bank admin", ("BANK_ADMIN",), {}),
        ("an auditor", ("AUDITOR",), {}),
        ("staff", (), {"is_staff": True}),
        ("a superuser", (), {"is_staff": True, "is_superuser": True}),
    ],
)
def test_who_is_no_member_is_told_so_and_nobody_hears_of_them(live, talk, make_user, _case, role_names, flags):
    """S1-B20, E-S1-16: superusers and bank admins are not agents."""
    token = token_of(make_user(*role_names, **flags))

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana:
            await ana.array()
            await ana.settle()
            code = await close_code_of(live, talk.id, token)
            async with wire(live, talk.id, token) as stranger:
                with contextlib.suppress(ConnectionClosed):
                    await stranger.say("let me in")
                await stranger.closed()
                return code, stranger.seen, await ana.settle()

    assert asyncio.run(play()) == (4006, [], [])
    assert texts_in(talk.topic) == []
    assert Chat.objects.get(pk=talk.id).admin_id == talk.agent.pk


@pytest.mark.parametrize(
    ("role_names", "flags"), [(("BANK_ADMIN",), {}), ((), {"is_staff": True, "is_superuser": True}), ((), {})]
)
def test_only_an_agent_takes_a_waiting_chat_by_opening_it(live, make_user, role_names, flags):
    make_user("SUPPORT_AGENT")
    chat = waiting_chat(make_user())
    stranger = make_user(*role_names, **flags)

    assert asyncio.run(close_code_of(live, chat.pk, token_of(stranger))) == 4006
    assert Chat.objects.get(pk=chat.pk).admin_id is None


def test_an_agent_who_is_the_customer_of_a_waiting_chat_is_its_customer(live, make_user):
    """E-S1-14: nobody is their own agent."""
    both = make_user("SUPPORT_AGENT", first_name="Eva")
    chat = waiting_chat(both)
    token = token_of(both)

    async def play():
        async with wire(live, chat.pk, token) as eva:
            await eva.array()
            await eva.say("hello?")
            return await eva.get("message")

    assert asyncio.run(play())["role"] == "customer"
    assert Chat.objects.get(pk=chat.pk).admin_id is None


# Closed chats


def test_a_closed_chat_shows_its_array_and_closes_4010(live, talk):
    """E-S1-19, BUG-S1-29: the transcript stays, and nothing new is taken."""
    chats.close_chat(actor=principal_of(talk.agent), chat_id=talk.id)

    async def play(token):
        async with wire(live, talk.id, token) as member:
            with contextlib.suppress(ConnectionClosed):
                await member.say("too late")
            history = await member.array()
            return [event["state"] for event in history], await member.closed()

    for token in (talk.customer_token, talk.agent_token):
        assert asyncio.run(play(token)) == (["opened", "assigned", "closed"], 4010)
    assert texts_in(talk.topic) == []


def test_closing_tells_both_sides_and_ends_their_sockets(live, talk):
    """E-S1-19."""

    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            close = f"/api/chats/{talk.id}/close/"
            status, _ = await asyncio.to_thread(call, live.base_url, "POST", close, {}, talk.agent_token)
            last = await ana.get("chat"), await ben.get("chat")
            return status, last, await ana.closed(), await ben.closed()

    status, (to_ana, to_ben), *codes = asyncio.run(play())
    assert (status, codes) == (202, [4010, 4010])
    assert to_ana == to_ben
    assert (to_ana["state"], to_ana["message"], to_ana["seq"]) == ("closed", "Ben closed the chat.", 3)


# What ends an open socket


async def _open_and(live, talk, token, act):
    """Open the customer's socket, do something elsewhere, and return the code that it closes with."""
    async with wire(live, talk.id, token) as ana:
        await ana.array()
        await ana.settle()
        await asyncio.to_thread(act)
        return await ana.closed()


def test_signing_out_by_rest_closes_the_sockets_of_that_session(live, talk):
    token = token_of(talk.customer)

    def sign_out():
        assert call(live.base_url, "POST", "/api/users/logout/", {}, token)[0] == 200

    assert asyncio.run(_open_and(live, talk, token, sign_out)) == 4001
    assert asyncio.run(close_code_of(live, talk.id, token)) == 4001


def test_changing_the_password_closes_every_socket_of_the_person(live, talk):
    tokens = [token_of(talk.agent), token_of(talk.agent)]
    body = {"current_password": "correct horse battery staple", "new_password": "another horse, another staple"}

    async def play():
        async with wire(live, talk.id, tokens[0]) as desk, wire(live, talk.id, tokens[1]) as phone:
            await desk.array()
            await phone.array()
            status, _ = await asyncio.to_thread(call, live.base_url, "PUT", "/api/users/changepwd/", body, tokens[0])
            return status, await desk.closed(), await phone.closed()

    assert asyncio.run(play()) == (200, 4001, 4001)


def test_a_customers_newer_sign_in_closes_the_older_socket(live, talk):
    assert asyncio.run(_open_and(live, talk, talk.customer_token, lambda: token_of(talk.customer))) == 4001


def test_a_refresh_token_used_again_closes_the_sockets_of_its_family(live, talk):
    first = sessions.open_session(user=talk.customer, door="s1")
    second = sessions.refresh_session(refresh_token=first.refresh)
    sessions.refresh_session(refresh_token=second.refresh)

    def use_again():
        status, _ = call(live.base_url, "POST", "/api/auth/refresh/", {"refresh": first.refresh})
        assert status == 401

    assert asyncio.run(_open_and(live, talk, first.access, use_again)) == 4001


def test_a_session_ended_by_another_process_closes_its_sockets_here(live, talk):
    pair = sessions.open_session(user=talk.customer, door="s1")

    def end():
        sessions.end_session(user_id=talk.customer.pk, sid=pair.sid, reason="sign_out")

    assert asyncio.run(_open_and(live, talk, pair.access, end)) == 4001


def test_a_token_that_expires_closes_its_socket_and_a_session_goes_on(live, talk):
    token = token_of(talk.customer)

    async def play():
        async with wire(live, talk.id, _expiring(token, seconds=2)) as short, wire(live, talk.id, token) as long:
            await short.array()
            await long.array()
            code = await short.closed()
            await long.say("still here")
            return code, await long.get("message")

    code, message = asyncio.run(play())
    assert (code, message["message"]) == (4001, "still here")


def test_an_agent_whose_role_is_withdrawn_leaves_and_the_customer_stays(live, talk):
    async def play():
        async with wire(live, talk.id, talk.customer_token) as ana, wire(live, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            withdraw = {"user": talk.agent, "name": "SUPPORT_AGENT", "withdrawn_by": None}
            await asyncio.to_thread(roles.withdraw_role, **withdraw)
            code = await ben.closed()
            again = await close_code_of(live, talk.id, talk.agent_token)
            left = await ana.get("chat")
            await ana.say("hello?")
            return code, again, left, await ana.get("message"), ben.seen

    code, again, left, message, seen = asyncio.run(play())
    assert (code, again, message["message"]) == (4006, 4006, "hello?")
    assert (left["state"], left["agent_id"]) == ("transferred", None)
    assert "hello?" not in str(seen)


def test_a_change_that_takes_nothing_away_leaves_the_socket_open(live, talk):
    async def play():
        async with wire(live, talk.id, talk.agent_token) as ben:
            await ben.array()
            await asyncio.to_thread(roles.assign_role, user=talk.agent, name="AUDITOR", assigned_by=None)
            await asyncio.sleep(0.5)
            await ben.say("still here")
            return await ben.get("message")

    assert asyncio.run(play())["message"] == "still here"
