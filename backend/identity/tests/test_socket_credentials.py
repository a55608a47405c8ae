"""Every credential that opens a socket, what each is worth, and how the end of a session reaches open sockets."""

import asyncio
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from backend.conftest import PASSWORD
from backend.identity.models import SocketTicket
from backend.identity.services import sessions
from backend.identity.tests.notifying import close_code_of, ear, opens
from backend.tests.servers import Server
from bench.client import call, sign_in

pytestmark = pytest.mark.server

TRUSTED = "https://app.ease.example"
TRUSTED_BELOW = "https://*.pages.example"
WITHIN_S = 1.0


@pytest.fixture(scope="module")
def second(server, tmp_path_factory):
    """Another server process on the same stores, which also trusts another site's pages."""
    folder = tmp_path_factory.mktemp("second")
    with Server(server.database, folder=folder, CSRF_TRUSTED_ORIGINS=f"{TRUSTED} {TRUSTED_BELOW}").running() as made:
        yield made


@pytest.fixture
def token(live, make_user, token_of):
    return token_of(make_user())


def ticket_of(server, token: str) -> str:
    status, body = call(server.base_url, "POST", "/api/auth/ws-ticket/", token=token)
    assert (status, body["expires_in"]) == (201, 30)
    return body["ticket"]


def cookie(token: str, **headers: str) -> dict[str, str]:
    return {"Cookie": f"csrftoken=x; accessToken={token}", **headers}


# Tickets


def test_a_ticket_opens_one_socket_on_any_process(live, second, token):
    ticket = ticket_of(live, token)

    assert opens(second, query=f"ticket={ticket}")
    assert not opens(second, query=f"ticket={ticket}")
    assert not opens(live, query=f"ticket={ticket}")


def test_of_two_sockets_at_once_with_one_ticket_one_wins(live, second, token):
    tickets = [ticket_of(live, token) for _ in range(5)]

    async def first_frame(server, ticket):
        async with ear(server, query=f"ticket={ticket}") as socket:
            return await socket.first_frame_or_code()

    async def play():
        calls = [first_frame(server, ticket) for ticket in tickets for server in (live, second)]
        return await asyncio.gather(*calls)

    outcomes = asyncio.run(play())
    pairs = [sorted(map(str, outcomes[at : at + 2])) for at in range(0, 10, 2)]
    assert pairs == [["4001", "[]"]] * 5


def test_an_expired_ticket_opens_nothing(live, token):
    ticket = ticket_of(live, token)
    SocketTicket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert not opens(live, query=f"ticket={ticket}")


def test_a_ticket_of_a_session_that_ended_opens_nothing(live, token):
    ticket = ticket_of(live, token)
    call(live.base_url, "POST", "/api/users/logout/", token=token)

    assert not opens(live, query=f"ticket={ticket}")


@pytest.mark.parametrize("ticket", ["", "x", "%00", "%FF", "a" * 5000])
def test_what_is_no_ticket_opens_nothing(live, ticket):
    assert not opens(live, query=f"ticket={ticket}")


def test_nobody_gets_a_ticket_without_being_signed_in(live):
    before = SocketTicket.objects.count()

    assert call(live.base_url, "POST", "/api/auth/ws-ticket/")[0] == 401
    assert SocketTicket.objects.count() == before


def test_a_socket_opened_by_ticket_ends_with_its_session(live, second, token):
    """The ticket is spent, so the socket must know its session by itself."""
    ticket = ticket_of(live, token)

    async def play():
        async with ear(second, query=f"ticket={ticket}") as socket:
            await socket.array()
            await asyncio.to_thread(call, live.base_url, "POST", "/api/users/logout/", token=token)
            return await socket.closed()

    assert asyncio.run(play()) == 4001


# Cookies


def test_the_cookie_opens_a_socket_for_a_page_of_the_own_host(live, token):
    assert opens(live, additional_headers=cookie(token), origin=live.base_url)
    assert opens(live, additional_headers=cookie(token), origin=live.base_url.replace("http", "https"))


@pytest.mark.parametrize("origin", [TRUSTED, "https://a.pages.example", "https://A.b.pages.example"])
def test_the_cookie_opens_a_socket_for_a_trusted_page(second, token, origin):
    """Also for those below a name with a star, as forms do (CSRF_TRUSTED_ORIGINS means one thing)."""
    assert opens(second, additional_headers=cookie(token), origin=origin)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "https://127.0.0.1",
        "http://127.0.0.1:1",
        TRUSTED + ".evil.example",
        "http://a.pages.example",
        "https://evilpages.example",
        "https://a.pages.example.evil.example",
        "https://*.pages.example.evil",
        TRUSTED.replace("https", "http"),
    ],
)
def test_the_cookie_counts_for_no_other_page(second, token, origin):
    headers = cookie(token) if origin is None else cookie(token, Origin=origin)

    assert not opens(second, additional_headers=headers)


def test_a_host_of_another_name_is_not_the_own_host(second, token):
    """Rebinding: the page's host leads here, and Origin and Host agree, but it is none of ours."""
    headers = cookie(token, Origin=f"http://evil.example:{second.port}", Host=f"evil.example:{second.port}")

    assert not opens(second, additional_headers=headers)


def test_other_credentials_need_no_origin(live, token):
    assert opens(live, token, origin="https://evil.example")
    assert opens(live, query=f"token={token}", origin="https://evil.example")


# Tokens


def test_the_s3_doors_token_opens_a_socket_in_every_place(live, make_user):
    opaque = sessions.open_session(user=make_user(), door="s3").opaque

    assert len(opaque) == 40
    assert opens(live, opaque)
    assert opens(live, additional_headers={"Authorization": f"Token {opaque}"})
    assert opens(live, query=f"token={opaque}")
    assert opens(live, subprotocols=["bearer", opaque])


def test_the_bearer_subprotocol_is_echoed_and_the_token_is_not(live, token):
    async def play():
        async with ear(live, subprotocols=["bearer", token]) as socket:
            await socket.array()
            return socket.socket.subprotocol, str(socket.socket.response.headers)

    subprotocol, headers = asyncio.run(play())
    assert subprotocol == "bearer"
    assert token not in headers


@pytest.mark.parametrize("bad", ["Bearer garbage", "Bearer", "Basic eDp5", "garbage", ""])
def test_a_bad_header_is_not_saved_by_another_credential(live, token, bad):
    ticket = ticket_of(live, token)
    headers = cookie(token, Authorization=bad)

    assert not opens(live, additional_headers=headers, origin=live.base_url)
    assert not opens(live, additional_headers=headers, query=f"token={token}", origin=live.base_url)
    assert not opens(live, additional_headers=headers, query=f"ticket={ticket}", origin=live.base_url)
    assert not opens(live, additional_headers={"Authorization": bad}, subprotocols=["bearer", token])


def test_a_bad_ticket_or_subprotocol_is_not_saved_by_a_later_credential(live, token):
    assert not opens(live, query=f"ticket=garbage&token={token}")
    assert not opens(live, query=f"token={token}", subprotocols=["bearer", "garbage"])
    assert not opens(live, query="token=garbage", additional_headers=cookie(token), origin=live.base_url)


def test_a_refresh_token_opens_nothing_anywhere(live, make_user):
    refresh = sessions.open_session(user=make_user(), door="s1").refresh

    assert not opens(live, refresh)
    assert not opens(live, query=f"token={refresh}")
    assert not opens(live, subprotocols=["bearer", refresh])
    assert not opens(live, additional_headers=cookie(refresh), origin=live.base_url)


def test_no_credential_is_in_the_servers_log(live, make_user, token):
    opaque = sessions.open_session(user=make_user(), door="s3").opaque
    ticket = ticket_of(live, token)

    opens(live, query=f"token={token}")
    opens(live, query=f"token={token}x")
    opens(live, query=f"token={opaque}")
    opens(live, query=f"ticket={ticket}")
    opens(live, subprotocols=["bearer", token])
    opens(live, additional_headers=cookie(token), origin="https://evil.example")

    text = live.log.read_text()
    assert [secret for secret in (token, opaque, ticket) if secret in text] == []


# The end of a session, on another process


def closing(server, token: str, act) -> tuple[int | None, float]:
    """Open a socket, act elsewhere; return the close code, and how many seconds after the act it came."""

    async def play():
        async with ear(server, token) as socket:
            await socket.array()
            await asyncio.to_thread(act)
            acted = time.monotonic()
            return await socket.closed(), time.monotonic() - acted

    return asyncio.run(play())


def ended_by(live, second, token: str, act) -> None:
    code, seconds = closing(second, token, act)

    assert code == 4001
    assert seconds < WITHIN_S
    assert not opens(second, token)
    assert call(second.base_url, "GET", "/api/auth/sessions/", token=token)[0] == 401


def asks(server, method: str, path: str, body=None, *, token: str = "", status: int) -> None:
    answer = call(server.base_url, method, path, body, token=token)
    assert answer[0] == status, answer


def test_signing_out_closes_sockets_elsewhere(live, second, make_user, token_of):
    token = token_of(make_user())

    ended_by(live, second, token, lambda: asks(live, "POST", "/api/users/logout/", token=token, status=200))


def test_a_new_password_closes_sockets_elsewhere(live, second, make_user):
    user = make_user("AUDITOR")
    token, other = (sign_in(live.base_url, user.email, PASSWORD) for _ in range(2))
    body = {"current_password": PASSWORD, "new_password": "another quiet purple tractor"}

    ended_by(live, second, token, lambda: asks(live, "PUT", "/api/users/changepwd/", body, token=other, status=200))


def test_a_block_closes_sockets_elsewhere(live, second, make_user, token_of):
    user, root = make_user(), make_user(is_staff=True, is_superuser=True)
    token, roots = token_of(user), token_of(root)
    path = f"/api/superadmin/user/block/{user.pk}/"

    ended_by(live, second, token, lambda: asks(live, "PUT", path, {"is_active": False}, token=roots, status=202))


def test_a_refresh_token_used_again_closes_sockets_elsewhere(live, second, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")
    newer = sessions.refresh_session(refresh_token=pair.refresh)
    sessions.refresh_session(refresh_token=newer.refresh)

    def reuse():
        asks(live, "POST", "/api/auth/refresh/", {"refresh": pair.refresh}, status=401)

    ended_by(live, second, pair.access, reuse)


def test_revoking_one_device_leaves_the_others(live, second, make_user, token_of):
    user = make_user("AUDITOR")
    pair, stays = sessions.open_session(user=user, door="s1"), token_of(user)
    path = f"/api/auth/sessions/{pair.sid}/"

    async def play():
        async with ear(second, stays) as other:
            await other.array()
            await asyncio.to_thread(
                ended_by, live, second, pair.access, lambda: asks(live, "DELETE", path, token=stays, status=204)
            )
            return await other.next()

    assert asyncio.run(play())["payload"] == {"session_id": pair.sid, "reason": "revoked"}
    assert opens(second, stays)


def test_without_a_credential_the_socket_is_accepted_and_closed_4001(live):
    assert asyncio.run(close_code_of(live)) == 4001
