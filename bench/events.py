"""What an event of each kind costs the server beside a plain message: stored, rung, and sent to both members."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence

from bench.figures import Report, Rounds
from bench.identity import Asker
from bench.load import Peer, connect
from bench.rounds import Plan, Variant
from bench.stage import SeededChat, ServerProcess

SETTINGS = "bench.variants.event_settings"
PLAIN = "message"
TEXT = "Good morning, I have a question about my last statement."
EDITED_MESSAGES = 40  # of each chat, in turns, so that none has many versions
KINDS = {"note": "note", "edit": "edit of a message", "state": "chat state", "fact": "fact for the desk"}


async def measure_events(plan: Plan, report: Report, server: ServerProcess, chats: Sequence[SeededChat]) -> None:
    listeners = [await connect(server.port, chat.path_of(member), _unheard) for chat in chats for member in (0, 1)]
    edited = {chat.id: await _said(server, chat) for chat in chats}
    events = {kind: [[_event(server, chat, kind)] for chat in chats] for kind in (PLAIN, *KINDS)}
    found = await _measured(plan, server, events)
    report.table("An event in a topic, with both members connected", "event", found.samples)
    for name, shown in KINDS.items():
        report.hold(f"{shown} / plain message, CPU", found.ratio(name, PLAIN), at_most=1.5)
    found = await _measured(plan, server, _by_rest(server, chats, edited))
    report.table("The same by REST, with rules, versions and audit", "request", found.samples)
    ratios = {name: found.ratio(name, PLAIN) for name in found.samples if name != PLAIN}
    report.line("by REST, CPU, a message being 1", **ratios)
    for peer in listeners:
        peer.close()


async def _measured(plan: Plan, server: ServerProcess, requests: Mapping[str, list[list[bytes]]]) -> Rounds:
    variants = [Variant(name, [server], await _askers(server, each)) for name, each in requests.items()]
    found = await plan.measure(variants)
    for variant in variants:
        variant.close()
    return found


def _by_rest(
    server: ServerProcess, chats: Sequence[SeededChat], edited: Mapping[str, list[str]]
) -> dict[str, list[list[bytes]]]:
    said, priorities = {"message": TEXT}, [{"priority": "high"}, {"priority": "low"}]
    return {
        PLAIN: [[_request(server, chat, "POST", "messages/", said)] for chat in chats],
        "note": [[_request(server, chat, "POST", "notes/", said)] for chat in chats],
        "priority": [[_request(server, chat, "PUT", "priority/", one) for one in priorities] for chat in chats],
        "edit": [
            [
                _request(server, chat, "PATCH", f"messages/{message_id}/", {"message": f"{TEXT} {way}"})
                for way, message_id in itertools.product(("this", "that"), edited[chat.id])
            ]
            for chat in chats
        ],
    }


def _unheard(peer: Peer, payload: bytes) -> None:
    """What the members are told is not measured, only sent."""


def _event(server: ServerProcess, chat: SeededChat, kind: str) -> bytes:
    return _raw(server, chat, "POST", f"/bench/{chat.id}/{kind}/", {})


def _request(server: ServerProcess, chat: SeededChat, method: str, path: str, body: object) -> bytes:
    return _raw(server, chat, method, f"/api/chats/{chat.id}/{path}", body)


def _raw(server: ServerProcess, chat: SeededChat, method: str, path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        f"Authorization: Bearer {chat.agent}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def _said(server: ServerProcess, chat: SeededChat) -> list[str]:
    """Let the agent say some messages, and return their ids."""
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
    return ids


async def _askers(server: ServerProcess, requests: Sequence[list[bytes]]) -> list[Asker]:
    askers = []
    for each in requests:
        asker = Asker(each)
        await asyncio.get_running_loop().create_connection(lambda asker=asker: asker, "127.0.0.1", server.port)
        askers.append(asker)
    return askers
