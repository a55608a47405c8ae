"""`make demo`: a scripted conversation over real sockets, cut in the middle, with what each side saw."""

import argparse
import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from bench.client import ChatClient, call, faults_in, sign_in

DEMO_FILE = Path(__file__).resolve().parent.parent / "var" / "demo.json"


def say(*words: object) -> None:
    print(*words, flush=True)


async def converse(base_url: str, accounts: dict[str, dict[str, str]]) -> bool:
    customer = sign_in(base_url, **accounts["customer"])
    agent = sign_in(base_url, **accounts["agent"])
    boss = sign_in(base_url, **accounts["superuser"])
    colleague, colleague_id = second_agent(base_url, boss)
    answering = agent
    status, opened = call(base_url, "POST", "/api/chats/get-or-create/", {}, customer)
    if status != 200:
        raise RuntimeError(f"opening the chat answered {status}: {opened}")
    chat_id = opened["chat_id"]
    say(f"chat {chat_id}: queue position {opened['queue_position']}")
    try:
        async with ChatClient(base_url, chat_id, customer, name="Carla") as carla:
            # The waiting chat is taken by opening its socket.
            async with ChatClient(base_url, chat_id, agent, name="Amir") as amir:
                good = await _talk(carla, amir)
                note = {"agent": colleague_id, "note": "Her card works. She asks about fees."}
                status, body = call(base_url, "POST", f"/api/chats/{chat_id}/transfer/", note, agent)
                say(f"\n-- Amir transfers the chat to Dora: {status} --")
                answering = colleague
                await amir.until(lambda: amir.close_code == 4006)
            async with ChatClient(base_url, chat_id, colleague, name="Dora") as dora:
                return await _talk_on(carla, dora) and good
    finally:
        status, body = call(base_url, "POST", f"/api/chats/{chat_id}/close/", {}, answering)
        say(f"closed: {status} {body}")
        call(base_url, "PUT", f"/api/superadmin/user/block/{colleague_id}/", {"is_active": False}, boss)


def second_agent(base_url: str, boss: str) -> tuple[str, int]:
    """Make a second support agent for this conversation alone; return an access token, and their id."""
    email, password = f"dora-{uuid.uuid4().hex[:8]}@demo.ease.example", f"demo-{uuid.uuid4().hex}"
    person = {"email": email, "first_name": "Dora", "last_name": "Desk", "password": password, "is_staff": True}
    status, made = call(base_url, "POST", "/api/superadmin/user/", person, boss)
    if status != 202:
        raise RuntimeError(f"making a second agent answered {status}: {made}")
    return sign_in(base_url, email, password), int(made["id"])


async def _talk_on(carla: ChatClient, dora: ChatClient) -> bool:
    """After the transfer: the colleague knows what was said, and the customer sees no hole and no note."""
    start = carla.cursor
    note = next(other["message"] for other in dora.others if other["type"] == "note")
    say(f'Dora reads the note "{note}" and {len(dora.events)} events of before.')
    await dora.say("Hello Carla, Dora here. Amir told me all about it: the card is free this year.")
    last = await carla.say("That is good to hear.")
    await carla.until(lambda: carla.cursor >= last)
    await dora.until(lambda: dora.cursor >= last)
    _print(carla, start)
    seqs = [event["seq"] for event in carla.events]
    faults = faults_in(seqs, first=seqs[0], last=last)
    say(f"Carla, from the first event to the last: {faults}")
    return not any(faults.values()) and not any(other["type"] == "note" for other in carla.others)


async def _talk(carla: ChatClient, amir: ChatClient) -> bool:
    start = max(carla.cursor, amir.cursor)
    await carla.say("Hello, my card does not work.")
    await amir.say("Good morning Carla! Let me look.")
    say("-- Carla's connection is cut --")
    connects = carla.connects
    carla.cut()
    await amir.say("It is locked after three wrong PINs.")
    await amir.say("I have unlocked it for you.")
    await asyncio.gather(carla.say("Sorry, I was in a tunnel. Did it work?"), amir.say("Please try once more."))
    await carla.until(lambda: carla.connects > connects)
    last = await carla.say("It works again, thank you!")
    for side in (carla, amir):
        await side.until(lambda side=side: side.cursor >= last)
    good = True
    for side in (carla, amir):
        seen = [event for event in side.events if event["seq"] > start]
        faults = faults_in([event["seq"] for event in seen], first=start + 1, last=last)
        good &= not any(faults.values())
        say(f"\n{side.name} saw ({side.connects} connection{'s' if side.connects > 1 else ''}; {faults}):")
        _print(side, start)
    return good


def _print(side: ChatClient, after: int) -> None:
    for event in side.events:
        if event["seq"] > after:
            say(f"  {event['seq']:>3}  {event['timestamp'][11:19]}  {event['user']}: {event['message']}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=DEMO_FILE, help="where `make run` wrote the demo accounts")
    given = parser.parse_args(arguments)
    facts: dict[str, Any] = json.loads(given.file.read_text())
    good = asyncio.run(converse(facts["base_url"], facts["accounts"]))
    say("\nnothing lost, nothing twice, in order" if good else "\nFAULTS: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
