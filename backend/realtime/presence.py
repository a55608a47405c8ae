"""Who is here: leases between processes. Nothing depends on a process saying goodbye.

Each process tells the others whom it holds, when that changes and every 20 s; what it said counts for 45 s. Each
process whispers to its own sockets when somebody appears in or disappears from a topic as a whole, so a person with
two devices on two processes appears once and disappears when both are gone.
"""

import asyncio
import time
from collections import defaultdict
from typing import Any

import orjson

from backend.realtime.hub import Hub

RENEW_S = 20
LEASE_S = 45
LEAVE_GRACE_S = 3

Present = dict[int, str]


class Presence:
    """Lives on the loop, beside the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._here: defaultdict[str, dict[int, int]] = defaultdict(dict)  # topic -> user -> sockets here
        self._names: Present = {}
        self._elsewhere: defaultdict[str, dict[tuple[int, str], float]] = defaultdict(dict)
        hub.on_announcement(self._heard)

    def enter(self, topic: str, user_id: int, name: str) -> Present:
        """Count a socket in; return who else is present."""
        others = {user: text for user, text in self.present(topic).items() if user != user_id}
        appeared = user_id not in self.present(topic)
        here = self._here[topic]
        here[user_id] = here.get(user_id, 0) + 1
        self._names[user_id] = name
        if here[user_id] == 1:
            self._hub.announce("present", [topic, [[user_id, name]], True])
        if appeared:
            self._whisper(topic, user_id, "online")
        return others

    def leave(self, topic: str, user_id: int) -> None:
        """Count a socket out. The person disappears a little later, unless they are back by then."""
        asyncio.get_running_loop().call_later(LEAVE_GRACE_S, self._left, topic, user_id)

    def present(self, topic: str) -> Present:
        now = time.monotonic()
        users = set(self._here.get(topic, ()))
        users.update(user for (user, _), until in self._elsewhere.get(topic, {}).items() if until > now)
        return {user: self._names.get(user, "") for user in users}

    async def renew(self) -> None:
        """Say again whom this process holds, and forget those of whom nobody said so for too long."""
        for topic, users in self._here.items():
            self._hub.announce("present", [topic, [[user, self._names.get(user, "")] for user in users], False])
        now = time.monotonic()
        for topic in list(self._elsewhere):
            for key, until in list(self._elsewhere[topic].items()):
                if until <= now:
                    self._forget(topic, key)

    def _left(self, topic: str, user_id: int) -> None:
        here = self._here.get(topic, {})
        count = here.get(user_id, 0) - 1
        if count > 0:
            here[user_id] = count
            return
        here.pop(user_id, None)
        if not here:
            self._here.pop(topic, None)
        self._hub.announce("absent", [topic, user_id])
        if user_id not in self.present(topic):
            self._whisper(topic, user_id, "offline")

    def _heard(self, origin: str, subject: str, facts: Any) -> None:
        if subject == "present":
            topic, users, wants_answer = facts
            if topic not in self._hub.feeds:
                return
            for user_id, name in users:
                self._learn(topic, user_id, name, origin)
            here = self._here.get(topic)
            if wants_answer and here:
                self._hub.announce("present", [topic, [[user, self._names.get(user, "")] for user in here], False])
        elif subject == "absent":
            self._forget(facts[0], (facts[1], origin))

    def _learn(self, topic: str, user_id: int, name: str, origin: str) -> None:
        appeared = user_id not in self.present(topic)
        self._names[user_id] = name
        self._elsewhere[topic][(user_id, origin)] = time.monotonic() + LEASE_S
        if appeared:
            self._whisper(topic, user_id, "online")

    def _forget(self, topic: str, key: tuple[int, str]) -> None:
        leases = self._elsewhere.get(topic)
        if leases is None or leases.pop(key, None) is None:
            return
        if not leases:
            del self._elsewhere[topic]
        if key[0] not in self.present(topic):
            self._whisper(topic, key[0], "offline")

    def _whisper(self, topic: str, user_id: int, state: str) -> None:
        frame = {"type": "presence", "user_id": user_id, "user": self._names.get(user_id, ""), "state": state}
        self._hub.whisper_here(topic, orjson.dumps(frame))
