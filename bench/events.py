"""What an event of each kind costs the server beside a plain message, all by REST, each heard by both members."""

import asyncio
import json
from collections.abc import Sequence

from bench.figures import Report
from bench.identity import Asker
from bench.load import Peer, connect
from bench.rounds import Plan, Variant
from bench.stage import SeededChat, ServerProcess

PLAIN = "message"
TEXT = "Good morning, I have a question about my last statement."
EDITED_MESSAGES = 40  # of each chat, in turns, so that none has many versions
KINDS = {"note": "note", "edit": "edit of a message", "priority": "chat state"}


async def measure_events(plan: Plan, report: Report, server: ServerProcess, chats: Sequence[SeededChat]) -> None:
    listeners = [await connect(server.port, chat.path_of(member), _unheard) for chat in chats for member in (0, 1)]
    requests = {PLAIN: [_messages(server, chat) for chat in chats], "note": [_notes(server, chat) for chat in chats]}
    requests["edit"] = [await _edits(server, chat) for chat in chats]
    requests["priority"] = [_priorities(server, chat) for chat in chats]
    variants = [Variant(name, [server], await _askers(server, each)) for name, each in requests.items()]
    found = await plan.measure(variants)
    for worker in (*listeners, *(worker for variant in variants for worker in variant.workers)):
        worker.close()
    report.table("An event by REST, with both members connected", "event", found.samples)
    for name, shown in KINDS.items():
        report.hold(f"{shown} / plain message, CPU", found.ratio(name, PLAIN), at_most=1.5)


def _unheard(peer: Peer, payload: bytes) -> None:
    """What the members are told is not measured, only sent."""


def _request(server: ServerProcess, chat: SeededChat, method: str, path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    lines = [
        f"{method} /api/chats/{chat.id}/{path} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        f"Authorization: Bearer {chat.agent}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _messages(server: ServerProcess, chat: SeededChat) -> list[bytes]:
    return [_request(server, chat, "POST", "messages/", {"message": TEXT})]


def _notes(server: ServerProcess, chat: SeededChat) -> list[bytes]:
    return [_request(server, chat, "POST", "notes/", {"message": TEXT})]


def _priorities(server: ServerProcess, chat: SeededChat) -> list[bytes]:
    return [_request(server, chat, "PUT", "priority/", {"priority": priority}) for priority in ("high", "low")]


async def _edits(server: ServerProcess, chat: SeededChat) -> list[bytes]:
    """Requests that change some messages of the agent's again and again."""
    said: asyncio.Queue[str] = asyncio.Queue()

    def heard(peer: Peer, payload: bytes) -> None:
        event = json.loads(payload)
        if isinstance(event, dict) and event["type"] == "message":
            said.put_nowait(event["id"])

    peer = await connect(server.port, chat.path_of(1), heard)
    for _ in range(EDITED_MESSAGES):
        peer.send(json.dumps({"message": TEXT}).encode())
    async with asyncio.timeout(30):
        ids = [await said.get() for _ in range(EDITED_MESSAGES)]
    peer.close()
    return [
        _request(server, chat, "PATCH", f"messages/{message_id}/", {"message": f"{TEXT} {way}"})
        for way in ("this way", "that way")
        for message_id in ids
    ]


async def _askers(server: ServerProcess, requests: Sequence[list[bytes]]) -> list[Asker]:
    askers = []
    for each in requests:
        asker = Asker(each)
        await asyncio.get_running_loop().create_connection(lambda asker=asker: asker, "127.0.0.1", server.port)
        askers.append(asker)
    return askers
