"""PostgreSQL and Valkey of a module's own, which it may stop, and conversations that must survive that."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from django.core.management import call_command
from django.db import connection

from backend.realtime.models import Event
from backend.support.tests.factories import Talk
from backend.tests.servers import Server
from bench.client import ChatClient
from djangocrud.embedded import Embedded

ADDRESS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")


@pytest.fixture(scope="module")
def outage(django_db_blocker: Any) -> Iterator[Embedded]:
    """A pair of servers of the module's own. This process's ORM uses its database, committing for real."""
    with tempfile.TemporaryDirectory(prefix="ease-", dir="/tmp") as folder, django_db_blocker.unblock():
        servers = Embedded(Path(folder) / "home", durable=False)
        before = dict(connection.settings_dict)
        connection.close()
        try:
            servers.start()
            address = dj_database_url.parse(servers.database_url)
            connection.settings_dict.update({name: address[name] for name in ADDRESS})
            call_command("migrate", verbosity=0)
            yield servers
        finally:
            connection.close()
            connection.settings_dict.update({name: before[name] for name in ADDRESS})
            servers.destroy()


def server_on(servers: Embedded, folder: Path, **env: str) -> Server:
    """Return a server process, not started, on these servers."""
    return Server("ease", folder=folder, DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url, **env)


class Conversation:
    """Both members talk without a pause until told to stop. Then everything must be there, everywhere, once."""

    def __init__(self, talk: Talk, ana: ChatClient, ben: ChatClient) -> None:
        self.talk, self.ana, self.ben = talk, ana, ben
        self.acknowledged: dict[str, int] = {}
        self._ends = asyncio.Event()

    async def talk_on(self, member: ChatClient, name: str) -> None:
        number = 0
        while not self._ends.is_set():
            text = f"{name} {number}"
            self.acknowledged[text] = await member.say(text)
            number += 1
            await asyncio.sleep(0.005)

    async def more(self, count: int = 20) -> None:
        """Wait until that many more messages have been acknowledged."""
        wanted = len(self.acknowledged) + count
        async with asyncio.timeout(60):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Stop talking, and wait until both have heard the last word."""
        self._ends.set()

    async def settle(self) -> None:
        last = max(self.acknowledged.values())
        for member in (self.ana, self.ben):
            await member.until(lambda member=member: member.cursor >= last, within_s=60)


@contextlib.asynccontextmanager
async def conversation(talk: Talk, of_customer: Server, of_agent: Server) -> AsyncIterator[Conversation]:
    """Have both members talk during the block, each through a process; at its end they finish and catch up."""
    async with (
        ChatClient(of_customer.base_url, str(talk.id), talk.customer_token) as ana,
        ChatClient(of_agent.base_url, str(talk.id), talk.agent_token) as ben,
    ):
        talked = Conversation(talk, ana, ben)
        talkers = [asyncio.ensure_future(talked.talk_on(member, name)) for member, name in ((ana, "a"), (ben, "b"))]
        try:
            await talked.more()
            yield talked
            await talked.more()
            await talked.end()
            await asyncio.wait_for(asyncio.gather(*talkers), 60)
            await talked.settle()
        finally:
            for talker in talkers:
                talker.cancel()


def check(talked: Conversation) -> None:
    """Nothing acknowledged is lost, nothing came twice, all came in order, and both saw the same."""
    connection.close()
    rows = Event.objects.filter(topic__key=talked.talk.topic).order_by("seq")
    stored = [(row.seq, row.payload["message"]) for row in rows]
    assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1))
    for member in (talked.ana, talked.ben):
        assert [(event["seq"], event["message"]) for event in member.events] == stored
    texts = [text for _, text in stored[2:]]
    assert len(set(texts)) == len(texts)
    assert {text: seq for seq, text in stored[2:]} == talked.acknowledged
    for name in ("a", "b"):
        own = [text for text in texts if text[0] == name]
        assert own == [f"{name} {n}" for n in range(len(own))]
