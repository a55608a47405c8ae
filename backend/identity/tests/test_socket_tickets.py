"""Single-use tickets for opening a WebSocket: `POST /api/auth/ws-ticket/` (design.md section 4)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from backend.conftest import PASSWORD
from backend.identity.errors import TokenRefused
from backend.identity.models import Session, SocketTicket, User
from backend.identity.services import sessions, tickets
from backend.identity.sockets import principal_from_scope
from backend.identity.tests.attempts import UNSIGNED, attempt, browser
from backend.identity.tests.doors import bearing, rows
from backend.tests.commits import in_parallel

TICKET = "/api/auth/ws-ticket/"


@pytest.fixture
def ana(make_user):
    return make_user("SUPPORT_AGENT", email="ana@example.com", first_name="Ana")


@pytest.fixture
def pair(ana):
    return sessions.open_session(user=ana, door="s1")


def bought(token: str) -> str:
    return bearing(token).post(TICKET).json()["ticket"]


def opens(query: str) -> dict[str, object]:
    return {"headers": [(b"host", b"ease.example")], "query_string": query.encode(), "subprotocols": []}


@pytest.mark.django_db
def test_nobody_gets_no_ticket(anybody):
    answer = anybody.post(TICKET)

    assert (answer.status_code, answer.json()) == (401, UNSIGNED)
    assert not SocketTicket.objects.exists()


@pytest.mark.django_db
def test_a_signed_in_person_gets_one(pair):
    answer = bearing(pair.access).post(TICKET)

    body = answer.json()
    assert (answer.status_code, list(body), body["expires_in"]) == (201, ["ticket", "expires_in"], 30)
    stored = SocketTicket.objects.get()
    assert str(stored.session_id) == pair.sid
    assert body["ticket"] not in str(SocketTicket.objects.values().get())
    assert timedelta(seconds=28) < stored.expires_at - timezone.now() <= timedelta(seconds=30)


@pytest.mark.django_db
def test_a_browser_needs_the_csrf_token_for_it(ana):
    """E-S0-2."""
    page = browser()
    page.post("/api/login/", {"email": ana.email, "password": PASSWORD})

    without = page.post(TICKET)
    tickets_then = SocketTicket.objects.count()
    right = page.post(TICKET, HTTP_X_CSRFTOKEN=page.cookies["csrftoken"].value)

    assert (without.status_code, tickets_then, right.status_code) == (403, 0, 201)


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["s1", "s3"])
def test_a_ticket_opens_a_socket_as_its_buyer(ana, door):
    """Also one bought with an S3 token."""
    body = attempt(door, ana.email).json()
    ticket = bought(body["token"])

    found = principal_from_scope(opens(f"after=7&ticket={ticket}"))

    session = Session.objects.get()
    assert (found.id, found.sid, found.first_name) == (ana.pk, str(session.pk), "Ana")
    assert found.expires_at is not None
    assert found.expires_at <= session.expires_at


@pytest.mark.django_db
def test_a_ticket_is_good_once(pair):
    ticket = bought(pair.access)
    principal_from_scope(opens(f"ticket={ticket}"))

    with pytest.raises(TokenRefused):
        principal_from_scope(opens(f"ticket={ticket}"))
    assert not SocketTicket.objects.exists()


def test_of_two_sockets_at_once_one_gets_in(committed, make_user):
    """Under real concurrency."""
    ticket = bought(sessions.open_session(user=make_user(), door="s1").access)

    found = in_parallel(*[lambda: tickets.spend_ticket(ticket)] * 4)

    assert sorted(isinstance(each, TokenRefused) for each in found) == [False, True, True, True]


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "is_good"), [(28, True), (31, False)])
def test_a_ticket_is_good_for_thirty_seconds(pair, seconds, is_good):
    ticket = bought(pair.access)
    stored = SocketTicket.objects.get()
    SocketTicket.objects.update(expires_at=stored.expires_at - timedelta(seconds=seconds))

    assert is_let_in(ticket) is is_good


@pytest.mark.django_db
@pytest.mark.parametrize(
    "end",
    [
        pytest.param(
            lambda: Session.objects.update(revoked_at=timezone.now(), revoked_reason="test"), id="session ended"
        ),
        pytest.param(lambda: Session.objects.update(expires_at=timezone.now()), id="session over"),
        pytest.param(lambda: User.objects.update(is_active=False), id="blocked"),
        pytest.param(lambda: User.objects.all().delete(), id="deleted"),
    ],
)
def test_a_ticket_dies_with_its_session(pair, memory, end):
    """E-S1-4, E-S1-16."""
    ticket = bought(pair.access)
    end()
    memory.delete([f"principal:{pair.sid}"])

    assert is_let_in(ticket) is False


def test_signing_out_makes_the_ticket_worthless(committed, make_user):
    pair = sessions.open_session(user=make_user(), door="s1")
    ticket = bought(pair.access)

    bearing(pair.access).post("/api/auth/logout/")

    assert is_let_in(ticket) is False


@pytest.mark.django_db
@pytest.mark.parametrize("ticket", ["", "garbage", "%00", "%F0%9F%98%80", "x" * 5000])
def test_a_made_up_ticket_lets_nobody_in(pair, ticket):
    before = rows()

    assert is_let_in(ticket) is False
    assert rows() == before


@pytest.mark.django_db
def test_a_bad_ticket_is_not_saved_by_a_good_token(pair):
    assert is_let_in(f"garbage&token={pair.access}") is False


@pytest.mark.django_db
def test_a_ticket_is_no_token(pair):
    ticket = bought(pair.access)

    assert bearing(ticket).get("/api/profile/").status_code == 401


def is_let_in(ticket: str) -> bool:
    try:
        principal_from_scope(opens(f"ticket={ticket}"))
    except TokenRefused:
        return False
    return True
