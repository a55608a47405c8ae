"""The assistant's journey in `make demo`: a customer waits, is answered from the help articles, asks the chatbot and is
passed on; the agent takes over and has a summary and a suggestion streamed.

Where `make demo` starts a server, it starts a model's server for it, too (djangocrud/launch.py); a server that runs
without a key says so, and that is shown.
"""

import asyncio
import json
import time
import uuid
from typing import Any

from websockets.asyncio.client import connect

from bench.client import call, sign_in

QUESTION = "I lost my card 4111 1111 1111 1111. How do I block it? My mail is carla@example.com."
WITHIN_S = 30


def say(*words: object) -> None:
    print(*words, flush=True)


async def assist(base_url: str, accounts: dict[str, dict[str, str]]) -> bool:
    """Return whether everything went as it should."""
    customer, agent = sign_in(base_url, **accounts["customer"]), sign_in(base_url, **accounts["agent"])
    _, state = call(base_url, "GET", "/api/assistant/", None, customer)
    say(f"\nThe assistant is {'on' if state['is_on'] else 'off'}; Carla has {state['tokens_left']} tokens left today")
    call(base_url, "PUT", "/api/chats/availability/", {"is_switched_on": False}, agent)
    try:
        if not state["is_on"]:
            return await _says_that_it_is_off(base_url, customer)
        return await _answers(base_url, customer, agent)
    finally:
        call(base_url, "PUT", "/api/chats/availability/", {"is_switched_on": True}, agent)


async def _says_that_it_is_off(base_url: str, customer: str) -> bool:
    async with connect(_address(base_url, "/ws/support/chatbot/", customer)) as bot:
        await bot.send(json.dumps({"message": "Hello?"}))
        error = await _next(bot, "error")
    say(f"The chatbot says: {error['detail']}")
    return bool(error["code"] == "assistant.off")


async def _answers(base_url: str, customer: str, agent: str) -> bool:
    async with connect(_address(base_url, "/ws/support/chatbot/", customer)) as bot:
        await bot.send(json.dumps({"message": "How do I block a lost card?", "client_id": "1"}))
        answer = await _next(bot, "answer")
        say(f"Carla asks the chatbot; it cites {[one['title'] for one in answer['sources']]}:")
        say(f"  {answer['message']}")
        await bot.send(json.dumps({"type": "person"}))
        handover = await _next(bot, "handover")
    chat_id = handover["chat_id"]
    say(f"She is passed on: place {handover['queue_position']} in the queue")
    call(base_url, "POST", f"/api/chats/{chat_id}/messages/", {"message": QUESTION}, customer)
    first = await _automatic(base_url, chat_id, customer)
    say(f"Nobody is available. {first['user']}, automatically: {first['message'].splitlines()[0]}")
    call(base_url, "POST", f"/api/chats/{chat_id}/take/", None, agent)
    texts = []
    async with connect(_address(base_url, "/ws/console/", agent)) as page:
        for task in ("summary", "suggestion"):
            texts.append(await _streamed(page, chat_id, task))
    call(base_url, "POST", f"/api/chats/{chat_id}/close/", None, agent)
    return bool(answer["knows"] and first["automatic"] and "4111 1111 1111 1111" in texts[0] and all(texts))


async def _automatic(base_url: str, chat_id: str, token: str) -> dict[str, Any]:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        _, page = call(base_url, "GET", f"/api/chats/{chat_id}/messages/", None, token)
        found = [event for event in page["results"] if event.get("automatic")]
        if found:
            return dict(found[-1])
        await asyncio.sleep(0.2)
    raise RuntimeError("nobody answered automatically")


async def _streamed(page: Any, chat_id: str, task: str) -> str:
    await page.send(json.dumps({"type": "assist", "id": uuid.uuid4().hex, "chat_id": chat_id, "task": task}))
    parts = 0
    while (frame := await _next(page, "assist"))["state"] == "part":
        parts += 1
    say(f"Amir has a {task} streamed, in {parts} parts: {frame.get('text') or frame.get('detail')}")
    return str(frame.get("text", ""))


async def _next(socket: Any, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(WITHIN_S):
        while True:
            frame = json.loads(await socket.recv())
            if isinstance(frame, dict) and frame["type"] in (kind, "error"):
                return dict(frame)


def _address(base_url: str, path: str, token: str) -> str:
    return f"{base_url.replace('http', 'ws', 1)}{path}?token={token}"
