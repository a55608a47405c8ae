"""Conversations for the jitter run: a customer, two agents who hand them to one another, and what must become of it."""

import asyncio
import contextlib
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.client import ChatClient, call, faults_in
from bench.stage import SeededChat, ServerProcess

RETRY_S = 0.25
FAULTS = ("lost", "doubled", "out_of_order")


class Member(ChatClient):
    """A chat client that notes when each message came, and reads the desk's notes where it is shown them.

    What it said and nobody acknowledged it keeps, also while it has no business in the chat: it says it again, under
    the same name, when it comes back.
    """

    def __init__(self, servers: Sequence[ServerProcess], chat_id: str, token: str) -> None:
        super().__init__(lambda: random.choice(servers).base_url, chat_id, token)
        self.chat, self.token = chat_id, token
        self.came_at: dict[str, float] = {}
        self.errors = self.resets = 0
        self.notes: list[dict[str, Any]] = []
        self.desk_cursor = 0

    @property
    def query(self) -> str:
        return f"{super().query}&desk_after={self.desk_cursor}"

    @property
    def base_url(self) -> str:
        return self._base_url()

    async def come(self) -> None:
        """Connect, if the last connection ended for good."""
        if self.is_out:
            self.close_code = None
            self._task = asyncio.ensure_future(self._run())

    async def say(self, text: str) -> int:
        client_id, stored = uuid.uuid4().hex, asyncio.get_running_loop().create_future()
        self._unacknowledged[client_id] = (text, stored)
        await self._send_message(client_id, text)
        return int(await stored)

    @property
    def is_out(self) -> bool:
        return self._task is None or self._task.done()

    @property
    def owes(self) -> bool:
        """Whether anything said is not acknowledged yet."""
        return bool(self._unacknowledged)

    def _give_up(self, fault: Exception) -> None:
        """Nothing is given up here."""

    def _take_one(self, event: dict[str, Any]) -> None:
        if event["type"] == "note":
            self.notes.append(event)
            self.desk_cursor = max(self.desk_cursor, event["desk_seq"])
            return
        if event["type"] == "message":
            self.came_at.setdefault(event["message"], time.monotonic())
        self.errors += event["type"] == "error"
        self.resets += event["type"] == "reset"
        super()._take_one(event)


@dataclass
class Chat:
    """A customer and two agents, one of whom answers; and what was acknowledged to them: text to `seq`.

    `quiet` is held by what ends an agent's part or the chat: nobody of the staff speaks then, since what they say
    could not be stored. The customer talks on.
    """

    members: tuple[Member, ...]
    agent_ids: tuple[int, ...] = ()
    answering: int = 1
    acknowledged: dict[str, int] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)
    edited: dict[str, str] = field(default_factory=dict)
    sent_at: dict[str, float] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    quiet: asyncio.Lock = field(default_factory=asyncio.Lock)
    head: int = 0  # how much is stored, once everything is
    desk_head: int = 0

    @classmethod
    def of(cls, servers: Sequence[ServerProcess], chat: SeededChat, colleague: SeededChat) -> "Chat":
        tokens = (chat.customer, chat.agent, colleague.agent)
        members = tuple(Member(servers, chat.id, token) for token in tokens)
        return cls(members, (0, chat.agent_id, colleague.agent_id))

    @property
    def agent(self) -> Member:
        return self.members[self.answering]

    @property
    def present(self) -> tuple[Member, Member]:
        return (self.members[0], self.agent)

    # What happens

    async def say(self, text: str) -> None:
        self.done["messages"] += 1
        if random.random() < 0.5:
            self.sent_at[text] = time.monotonic()
            self.acknowledged[text] = await self.members[0].say(text)
            return
        async with self.quiet:
            self.sent_at[text] = time.monotonic()
            stored = asyncio.ensure_future(self.agent.say(text))
            await asyncio.sleep(0)  # It is owed from here on.
        self.acknowledged[text] = await stored

    async def note(self, text: str) -> None:
        body = {"message": text, "client_id": uuid.uuid4().hex}
        async with self.quiet:
            answer = await self._ask(self.agent, "POST", "notes/", body, good={200, 201})
        self.noted[text] = answer["seq"]
        self.done["notes"] += 1

    async def edit(self, text: str) -> None:
        """Change a message that the customer said."""
        async with self.quiet:
            own = [
                (event["id"], event["message"])
                for event in self.members[0].events[-50:]
                if event["type"] == "message" and event["role"] == "customer" and event["message"] not in self.edited
            ]
            if own:
                message_id, before = random.choice(own)
                self.edited[before] = text
                await self._ask(self.members[0], "PATCH", f"messages/{message_id}/", {"message": text}, good={200, 409})
                self.done["edits"] += 1

    async def transfer(self, text: str) -> None:
        """Hand the chat to the colleague; who had it is shown out."""
        async with self.quiet:
            await self._until(lambda: not self.agent.owes)
            other = 3 - self.answering
            body = {"agent": self.agent_ids[other]}
            await self._ask(self.agent, "POST", "transfer/", body, good={200, 404, 409})
            self.answering = other
            self.done["transfers"] += 1

    async def close(self, text: str) -> None:
        """Close the chat and open it again: what the customer says meanwhile is refused, and said again."""
        async with self.quiet:
            await self._until(lambda: not self.agent.owes)
            await self._ask(self.agent, "POST", "close/", None, good={202})
            await self._ask(self.members[0], "POST", "reopen/", None, good={200})
            self.done["closings"] += 1

    async def keep_present(self) -> None:
        """Whoever belongs in the chat and was shown out, because it was closed or not theirs yet, comes again."""
        while True:
            for member in self.present:
                await member.come()
            await asyncio.sleep(0.1)

    async def _until(self, what: Callable[[], bool]) -> None:
        while not what():
            await asyncio.sleep(0.05)

    async def _ask(self, who: Member, method: str, path: str, body: Any, *, good: set[int]) -> Any:
        """Make a REST call until it is answered well: the faults of this run are the servers' own."""
        while True:
            with contextlib.suppress(OSError):
                address = f"/api/chats/{who.chat}/{path}"
                status, answer = await asyncio.to_thread(call, who.base_url, method, address, body, who.token)
                if status in good:
                    return answer
                if status < 500 and status != 429:
                    raise RuntimeError(f"{method} {path} answered {status}: {answer}")
            await asyncio.sleep(RETRY_S)

    # What must have become of it

    def is_settled(self) -> bool:
        """Whether everybody has come as far as there is anything, and who is out of it has been shown out."""
        ahead = all(one.cursor >= self.head for one in self.present) and self.agent.desk_cursor >= self.desk_head
        return ahead and not self.linger

    @property
    def linger(self) -> int:
        """How many still hear a chat that is not theirs any more."""
        return sum(not (one in self.present or one.is_out) for one in self.members)

    def faults(self) -> Counter[str]:
        """Count what must never be, in everybody's streams: the chat's own, and the desk's beside it."""
        found: Counter[str] = Counter(dict.fromkeys(FAULTS, 0))
        for member in self.members:
            is_here = member in self.present
            seqs = [event["seq"] for event in member.events]
            found.update(faults_in(seqs, first=1, last=max(self.head if is_here else 0, *seqs, 0)))
            desk_seqs = [event["desk_seq"] for event in member.notes]
            last = self.desk_head if is_here and member is not self.members[0] else 0
            found.update(faults_in(desk_seqs, first=1, last=max(last, *desk_seqs, 0)))
            found["doubled"] += len(member.texts) - len(set(member.texts))
            if is_here:
                found["lost"] += self._missing_in(member)
        return found

    def _missing_in(self, member: Member) -> int:
        """Count what was acknowledged and did not come, in its place and with its words of before or after an edit."""
        said = {event["seq"]: event["message"] for event in member.events if event["type"] == "message"}
        missing = sum(
            said.get(seq) not in (text, self.edited.get(text, text)) for text, seq in self.acknowledged.items()
        )
        if member is self.members[0]:
            return missing + len(member.notes)  # which no customer may see
        noted = {event["desk_seq"]: event["message"] for event in member.notes}
        return missing + sum(noted.get(seq) != text for text, seq in self.noted.items())

    def delays_s(self) -> Iterator[float]:
        """How long what was said took to its customer, who is there all the time."""
        for text, at in self.sent_at.items():
            if text in self.members[0].came_at:
                yield self.members[0].came_at[text] - at
