"""PostgreSQL restarted, crashed and away while people talk and pay (E-DATA-3, E-SYS-1)."""

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from django.db import connection

from backend.banking.models import Entry, Payment, Posting
from backend.banking.selectors import debts
from backend.banking.tests.partner_stage import Partner
from backend.banking.tests.paying import PayingClient
from backend.banking.verification import verify
from backend.common.models import SavedAnswer
from backend.support.models import Chat
from backend.support.tests.factories import make_talk, texts_in, token_of
from backend.support.tests.outages import check, conversation, server_on
from backend.support.tests.wire import close_code_of, wire
from bench.client import call

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server(outage, tmp_path_factory):
    with server_on(outage, tmp_path_factory.mktemp("faults")).running() as made:
        yield made


@pytest.fixture
def talk(server, make_user):
    connection.close()  # An earlier test may have ended it.
    return make_talk(make_user)


def _get(server, path, token=""):
    """Return status, body and Retry-After of a GET, whatever the status."""
    request = urllib.request.Request(server.base_url + path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read()), answer.headers["Retry-After"]
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read()), refusal.headers["Retry-After"]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_in_mid_conversation_loses_and_repeats_nothing(server, talk, outage, mode):
    async def play():
        async with conversation(talk, server, server) as talked:
            for _ in range(2):
                await asyncio.to_thread(outage.restart_postgres, mode)
                await talked.more(50)
        return talked

    talked = asyncio.run(play())
    check(talked)
    # Whoever was writing at that moment was told to come back: what became of the write was not known.
    assert talked.ana.connects + talked.ben.connects > 2


def test_connections_cut_one_by_one_in_mid_conversation_lose_and_repeat_nothing(server, talk):
    """The server's own connections, ended by an administrator again and again."""

    def cut():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = current_user AND pid <> pg_backend_pid()"
            )
        connection.close()

    async def play():
        async with conversation(talk, server, server) as talked:
            for _ in range(8):
                await asyncio.to_thread(cut)
                await talked.more(15)
        return talked

    check(asyncio.run(play()))


def test_while_the_database_is_away_everybody_is_told_and_afterwards_all_goes_on(server, talk, outage, make_user):
    """REST 503 with Retry-After, sockets 4004, `/readyz` 503, `/livez` 200, and nothing half done."""
    customer = make_user()
    token = token_of(customer)
    messages = f"/api/chats/{talk.id}/messages/"

    async def away():
        async with wire(server, talk.id, talk.customer_token) as ana, wire(server, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            await asyncio.to_thread(outage._postgres.stop, "fast")
            pong = await ben.ask({"type": "ping"})
            await ana.say("into the void", client_id="c")
            said = await ana.closed()
            opened = await close_code_of(server, talk.id, talk.agent_token)
            rest = [
                await asyncio.to_thread(_get, server, messages, talk.customer_token),
                await asyncio.to_thread(_get, server, "/readyz"),
                await asyncio.to_thread(_get, server, "/livez"),
            ]
            posted = await asyncio.to_thread(
                call, server.base_url, "POST", messages, {"message": "x", "client_id": "r"}, talk.customer_token
            )
            asked = await asyncio.to_thread(call, server.base_url, "POST", "/api/chats/get-or-create/", {}, token)
            sign_in = {"username": customer.email, "password": "correct horse battery staple"}
            signed_in = await asyncio.to_thread(call, server.base_url, "POST", "/api/users/login/", sign_in)
            outage.start()
            await ben.say("there again")
            return pong["head"], said, opened, rest, posted, asked, signed_in, await ben.get("message")

    pong, said, opened, (read, ready, alive), posted, asked, signed_in, first = asyncio.run(away())
    assert pong == 2
    assert (said, opened) == (4004, 4004)
    assert (read[0], read[1]["code"], read[2]) == (503, "unavailable", "2")
    assert [status for status, _ in (posted, asked, signed_in)] == [503, 503, 503]
    assert (ready[0], ready[1]["status"], alive[0]) == (503, "unavailable", 200)
    assert (first["seq"], first["message"]) == (3, "there again")
    connection.close()
    assert texts_in(talk.topic) == ["there again"]
    assert Chat.objects.filter(customer=customer).count() == 0
    status, sent = call(
        server.base_url, "POST", messages, {"message": "into the void", "client_id": "c"}, talk.customer_token
    )
    assert (status, sent["seq"], sent["duplicate"]) == (201, 4, False)
    assert _get(server, "/readyz")[0] == 200


def test_a_server_that_starts_before_its_database_serves_once_it_is_there(talk, outage, tmp_path):
    outage._postgres.stop("fast")
    try:
        with server_on(outage, tmp_path).running() as server:
            before = _get(server, "/readyz")[0], asyncio.run(close_code_of(server, talk.id, talk.customer_token))
            outage.start()
            events = asyncio.run(_first_array(server, talk))
            code = asyncio.run(_sign_out_while_open(server, talk))
    finally:
        outage.start()

    assert before == (503, 4004)
    assert (events, code) == (2, 4001)


async def _first_array(server, talk):
    async with wire(server, talk.id, talk.customer_token) as ana:
        return len(await ana.array())


async def _sign_out_while_open(server, talk):
    async with wire(server, talk.id, talk.customer_token) as ana:
        await ana.array()
        await asyncio.to_thread(call, server.base_url, "POST", "/api/users/logout/", {}, talk.customer_token)
        return await ana.closed()


# Money


def test_answered_payments_survive_restarts_and_kills(server, outage):
    """PostgreSQL restarts and crashes, the server is killed: each answered payment is there, once, and no other."""
    connection.close()  # An earlier test may have ended it.
    partner = Partner()
    for name in ("c-1", "c-2"):
        partner.customer(name)
        partner.active_loan(f"l-{name}", "1000.00", customer=name)
    clients = [PayingClient(server, partner.secret, name) for name in ("c-1", "c-2")]
    try:
        for disturb in (
            lambda: outage.restart_postgres("fast"),
            lambda: outage.restart_postgres("immediate"),
            lambda: (server.kill(), server.start()),
        ):
            for client in clients:
                client.more()
            disturb()
        for client in clients:
            client.more()
    finally:
        for client in clients:
            client.end()
    connection.close()

    answered = [name for client in clients for name in client.answered]
    stored = Payment.objects.filter(bank=partner.bank)
    assert sorted(stored.values_list("external_id", flat=True)) == sorted(answered)
    saved = SavedAnswer.objects.filter(actor=f"key:{partner.key.prefix}")
    assert sorted(saved.values_list("key", flat=True)) == sorted(answered)
    postings = Posting.objects.filter(bank=partner.bank, kind="payment")
    assert (postings.count(), Entry.objects.filter(posting__in=postings).count()) == (len(answered), 2 * len(answered))
    owed = sum(debts.active_debt(partner.account(name).pk) for name in ("c-1", "c-2"))
    assert owed * 100 == 2 * 1000 * 100 - len(answered)
    assert verify().is_clean
    assert all(client.failed for client in clients), "nothing disturbed them"
