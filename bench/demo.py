"""`make demo`: a conversation over real sockets, cut in the middle, with what each side saw; then a verification, and
the first transfer of whoever was verified."""

import argparse
import asyncio
import base64
import io
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from PIL import Image
from websockets.asyncio.client import connect

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


async def verify(base_url: str, accounts: dict[str, dict[str, str]]) -> tuple[bool, str]:
    """Register, send a document in two parts, have it approved; the phone hears of it on its open socket. Return
    whether that went well, and the newcomer's access token."""
    registered, phone = newcomer(base_url)
    say(f"\nNia registers: {registered['kyc_status']}")
    url = f"{base_url.replace('http', 'ws', 1)}/ws/notifications/?token={phone}"
    async with connect(url) as socket:
        await socket.recv()
        say(f"her passport, in two parts: {await asyncio.to_thread(_send_passport, base_url, phone)}")
        admin = sign_in(base_url, **accounts["bank_admin"])
        path = f"/api/admin/kyc/review/{registered['id']}/"
        status, decided = call(base_url, "POST", path, {"action": "approve"}, admin)
        say(f"Bea approves: {status} {decided.get('message', decided)}")
        async with asyncio.timeout(10):
            while (notice := json.loads(await socket.recv())).get("kind") != "kyc.decided":
                continue
    say(f"Nia's phone hears: {notice['kind']} {notice['payload']['kyc_status']}")
    return bool(notice["payload"]["kyc_status"] == "APPROVED"), phone


def newcomer(base_url: str) -> tuple[dict[str, Any], str]:
    """Register somebody; return what was answered, and an access token of theirs."""
    name = f"nia_{uuid.uuid4().hex[:8]}"
    password = f"Demo {uuid.uuid4().hex} 7"
    person = {
        "username": name,
        "email": f"{name}@demo.ease.example",
        "password": password,
        "confirm_password": password,
        "first_name": "Nia",
        "last_name": "Newcomer",
        "phone_number": f"+9{uuid.uuid4().int % 10**10:010}",
        "date_of_birth": "1991-04-12",
        "ssn": f"{100_000_000 + uuid.uuid4().int % 500_000_000}",
        "address": "7 Beginning Road, Springfield",
    }
    status, registered = call(base_url, "POST", "/api/auth/register/", person)
    if status != 201:
        raise RuntimeError(f"registering answered {status}: {registered}")
    return registered, sign_in(base_url, person["email"], password)


async def pay(base_url: str, accounts: dict[str, dict[str, str]], nia: str) -> bool:
    """The newcomer opens an account, has cash paid in and sends some on; the payee hears of it, the month adds up."""
    admin, carla = sign_in(base_url, **accounts["bank_admin"]), sign_in(base_url, **accounts["customer"])

    def ask(method: str, path: str, token: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
        answer = requests.request(method, f"{base_url}/api/{path}", json=body, headers=headers, timeout=30)
        if answer.status_code >= 400:
            raise RuntimeError(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json()

    bank = ask("GET", "banks/?name=Riverside", nia)["results"][0]
    mine = ask("POST", "accounts/", nia, {"bank": bank["bank_id"]})
    say(f"\nNia opens account {mine['account_number']} at {bank['bank_name']}")
    paid_in = ask("POST", f"accounts/{mine['account_id']}/deposits/", admin, {"amount": "250.00"})
    say(f"Bea pays 250.00 in at the counter: {paid_in['balance']} {paid_in['currency']} are there")
    theirs = next(one for one in ask("GET", "accounts/", carla) if one["bank_id"] == bank["bank_id"])
    to = {"bank": theirs["bank_id"], "account_number": theirs["account_number"]}
    for name in ("Carl Kustomer", "Carla Customer"):
        say(f"is that account {name}'s? {ask('POST', 'transfers/payee/', nia, {**to, 'name': name})['result']}")
    async with connect(f"{base_url.replace('http', 'ws', 1)}/ws/notifications/?token={carla}") as socket:
        await socket.recv()
        sending = {"source": mine["account_id"], **to, "amount": "40.50", "payee_name": "Carla", "memo": "Lunch"}
        sent = await asyncio.to_thread(ask, "POST", "transfers/", nia, sending)
        say(f"Nia sends Carla 40.50: {sent['state']}")
        async with asyncio.timeout(10):
            while (notice := json.loads(await socket.recv())).get("kind") != "transfer.posted":
                continue
    say(f"Carla's phone hears: {notice['kind']} {notice['payload']['direction']} {notice['payload']['amount']}")
    statement = ask("GET", f"statements/{mine['account_id']}/{datetime.now(UTC):%Y-%m}/", nia)
    say(f"Nia's {statement['month']}: begins with {statement['opening_balance']}")
    for line in statement["lines"]:
        say(f"  {line['date']}  {line['what']:<10} {line['counterparty']:<8}{line['amount']:>10}{line['balance']:>10}")
    say(f"and ends with {statement['closing_balance']}")
    return bool(notice["payload"]["transfer_id"] == sent["id"] and statement["closing_balance"] == "209.50")


def _send_passport(base_url: str, token: str) -> str:
    """Send a picture as a tus client does, in two requests; return what became of it."""
    picture = Image.effect_noise((1200, 900), 80)
    data = io.BytesIO()
    picture.save(data, "PNG")
    content, half = data.getvalue(), data.tell() // 2
    described = {"filename": "passport.png", "document_type": "PASSPORT", "document_number": uuid.uuid4().hex[:12]}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in described.items())
    head = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
    opened = requests.post(
        f"{base_url}/api/kyc/uploads/",
        headers={**head, "Upload-Length": str(len(content)), "Upload-Metadata": metadata},
        timeout=30,
    )
    place = opened.headers["Location"]
    kind = {"Content-Type": "application/offset+octet-stream"}
    for start, part in ((0, content[:half]), (half, content[half:])):
        requests.patch(
            place, part, headers={**head, **kind, "Upload-Offset": str(start)}, timeout=30
        ).raise_for_status()
    state: dict[str, Any] = requests.get(place, headers=head, timeout=30).json()
    return f"{state['state']}, {state['offset']} of {state['length']} bytes"


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
    verified, nia = asyncio.run(verify(facts["base_url"], facts["accounts"]))
    good &= verified
    good &= asyncio.run(pay(facts["base_url"], facts["accounts"], nia))
    say("\nnothing lost, nothing twice, in order" if good else "\nFAULTS: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
