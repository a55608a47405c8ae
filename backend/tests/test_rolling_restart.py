"""A release: three servers behind a balancer, each drained and replaced in turn, while people talk all the time."""

import asyncio
import contextlib
import itertools
import random

import pytest
from django.db import connection

from backend.realtime.models import Event, Topic
from backend.support.tests.factories import make_talk
from backend.tests.servers import Server
from bench.client import ChatClient, faults_in
from djangocrud.proxy import Proxy

pytestmark = pytest.mark.server

TALKS = 10
A_SECOND = 200
DRAIN = {"DRAIN_SECONDS": "1", "DJANGO_SETTINGS_MODULE": "backend.support.tests.settings_fast"}


@pytest.fixture
def three(live, tmp_path):
    """Three servers of the test's own on the live database. They start together."""
    servers = [Server(live.database, folder=tmp_path, **DRAIN) for _ in range(3)]
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.callback(server.stop)
            server.launch()
        for server in servers:
            server.wait_until_ready()
        yield servers


async def _roll(servers, proxy):
    """Replace each server; the others take what comes meanwhile. Returns their exit codes."""
    codes = []
    for server in servers:
        codes.append(await asyncio.to_thread(server.stop))
        await asyncio.to_thread(server.start)
        await proxy.until_ready()
    return codes


async def _talk(members, rolling):
    """Say 200 things a second until the servers are all new; return what was acknowledged, by its text."""
    said = {}
    started = asyncio.get_running_loop().time()
    for number in itertools.count():
        if rolling.done() and number >= A_SECOND:
            break
        await asyncio.sleep(started + number / A_SECOND - asyncio.get_running_loop().time())
        said[f"m{number}"] = asyncio.ensure_future(random.choice(members).say(f"m{number}"))
    async with asyncio.timeout(60):
        return {text: await stored for text, stored in said.items()}


def test_a_rolling_restart_loses_and_repeats_nothing(three, make_user, monkeypatch):
    monkeypatch.setattr(ChatClient, "check_frame", None)  # Other tests do, of fewer frames.
    talks = [make_talk(make_user) for _ in range(TALKS)]

    async def play():
        async with Proxy([server.port for server in three]) as proxy, contextlib.AsyncExitStack() as stack:
            await proxy.until_ready()
            members = [
                await stack.enter_async_context(ChatClient(proxy.base_url, str(talk.id), token))
                for talk in talks
                for token in (talk.customer_token, talk.agent_token)
            ]
            rolling = asyncio.ensure_future(_roll(three, proxy))
            acknowledged = await _talk(members, rolling)
            heads = await asyncio.to_thread(_heads, talks)
            for member, talk in zip(members, [talk for talk in talks for _ in range(2)], strict=True):
                await member.until(lambda member=member, talk=talk: member.cursor >= heads[talk.topic])
            return members, acknowledged, await rolling, heads, [backend.given for backend in proxy.backends]

    members, acknowledged, codes, heads, given = asyncio.run(play())

    assert codes == [0, 0, 0]
    assert min(given) > 0
    stored = _stored(talks)
    assert {text: seq for (_, text), seq in stored.items()} == acknowledged
    for member, talk in zip(members, [talk for talk in talks for _ in range(2)], strict=True):
        seqs = [event["seq"] for event in member.events]
        assert faults_in(seqs, first=1, last=heads[talk.topic]) == {"lost": 0, "doubled": 0, "out_of_order": 0}
        assert len(member.texts) == len(set(member.texts))
    assert sum(member.connects for member in members) > len(members), "nobody was moved"


def _heads(talks):
    try:
        return dict(Topic.objects.filter(key__in=[talk.topic for talk in talks]).values_list("key", "head"))
    finally:
        connection.close()


def _stored(talks):
    """Return the place of each message that is stored. A text that stands there twice is a fault at once."""
    rows = Event.objects.filter(topic__key__in=[talk.topic for talk in talks], kind="message")
    found = [((row.topic_id, row.payload["message"]), row.seq) for row in rows]
    assert len({text for (_, text), _ in found}) == len(found)
    return dict(found)
