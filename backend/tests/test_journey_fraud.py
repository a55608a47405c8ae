"""What happens elsewhere in the house reaches whoever watches for fraud, through the doors and on open sockets (09)."""

import asyncio
import uuid
from typing import Any

import pytest
import requests
from django.db import connections

from backend.banking.models import Account
from backend.banking.tests.factories import make_bank
from backend.banking.tests.people_factories import account_of, balances, body_for
from backend.banking.verification import verify as verify_books
from backend.fraud.models import FraudAlert
from backend.fraud.tests.made import held
from backend.identity.tests.attempts import fail
from backend.identity.tests.notifying import Ear, ear
from backend.tests.servers import Server
from backend.tests.stage import Form
from backend.tests.test_journey_kyc import heard
from bench.client import call


@pytest.mark.django_db
def test_a_program_sent_as_a_passport_is_an_alert(make_user, client_of):
    """E-KYC-2, through the hook."""
    user = make_user()
    described = {"document_type": "PASSPORT", "document_number": "ABC123456"}
    body, kind = Form("scan.png", b"MZ" + bytes(100), "document_file", described).encoded()

    refused = client_of(user).generic("POST", "/api/kyc/upload/", body, kind)

    assert refused.status_code == 400
    assert list(FraudAlert.objects.values_list("alert_type", "user_id")) == [("MALICIOUS_FILE", user.pk)]


@pytest.mark.django_db
def test_an_account_attacked_from_several_addresses_is_one_alert(make_user):
    """E-RATE-1, through the hook. One that only its owner mistypes is none."""
    clumsy, victim = make_user(), make_user()
    fail(clumsy.email, 6)
    for ip in ("127.0.0.2", "127.0.0.3"):
        fail(victim.email, 3, ip=ip)

    assert list(FraudAlert.objects.values_list("alert_type", "user_id")) == [("MANY_ADDRESSES", victim.pk)]


@pytest.mark.server
def test_open_consoles_see_what_becomes_of_an_alert_and_a_closed_laptop_misses_nothing(live, make_user, token_of):
    """Design section 6, BUG-S2-25: on commit, to each bank admin and auditor; durable."""
    customer, admin, auditor = make_user(), make_user("BANK_ADMIN"), make_user("AUDITOR")
    tokens = {who: token_of(user) for who, user in (("customer", customer), ("admin", admin), ("auditor", auditor))}

    alert, seen, missed, quiet = asyncio.run(_watched(live, customer, tokens))

    kinds = ["fraud.alert", "fraud.claimed", "fraud.decided"]
    assert [notice["kind"] for notice in seen] == kinds
    assert [(notice["kind"], notice["payload"]) for notice in missed] == [
        (notice["kind"], notice["payload"]) for notice in seen
    ]
    assert {notice["payload"]["alert_id"] for notice in seen} == {alert.alert_id}
    assert (seen[-1]["payload"]["status"], seen[-1]["payload"]["decided_by"]) == ("RELEASED", admin.pk)
    assert quiet == []


async def _watched(live: Server, customer: Any, tokens: dict[str, str]) -> tuple[Any, list, list, list]:
    """Hold and decide while an admin and the customer listen; the auditor comes back afterwards with a cursor."""
    async with ear(live, tokens["auditor"]) as laptop:
        await laptop.array()
        cursor = (await laptop.heads())["desk.auditor"]
    async with ear(live, tokens["admin"]) as console, ear(live, tokens["customer"]) as phone:
        await console.array()
        await phone.array()
        alert = await asyncio.to_thread(_held, customer)
        seen = [await _about(console, alert.alert_id)]
        for act, body in (("claim", {}), ("decide", {"verdict": "release", "reason": "They confirmed it."})):
            answer = await asyncio.to_thread(
                requests.post,
                f"{live.base_url}/api/fraud-alerts/{alert.alert_id}/{act}/",
                json=body,
                headers={"Authorization": f"Bearer {tokens['admin']}"},
                timeout=30,
            )
            assert answer.status_code == 200, answer.text
            seen.append(await _about(console, alert.alert_id))
        quiet = [topic for topic in await phone.heads() if topic.startswith("desk.")]
    async with ear(live, tokens["auditor"], query=f"after=desk.auditor:{cursor}") as laptop:
        notices = await laptop.events("desk.auditor", until=cursor + 3)
        missed = [one for one in notices if one["payload"].get("alert_id") == alert.alert_id]
    return alert, seen, missed, quiet


def _held(customer: Any) -> FraudAlert:
    try:
        return held(customer)
    finally:
        connections.close_all()


BURST = 11
SENT = ["transfer.posted"] * (BURST - 1)


@pytest.mark.server
@pytest.mark.parametrize(("verdict", "kept", "came"), [("release", "890.00", "110.00"), ("reject", "900.00", "100.00")])
def test_a_burst_is_held_and_what_the_admin_decides_reaches_both_phones(live, make_user, token_of, verdict, kept, came):
    """Issue 09, whole: the 11th within the hour, from a new phone, waits; claimed, decided; money goes on or back."""
    bank = make_bank()
    source = account_of(make_user(), bank=bank, balance="1000.00")
    target = account_of(make_user(), bank=bank)
    tokens = [token_of(user) for user in (source.customer.user, target.customer.user, make_user("BANK_ADMIN"))]

    waiting, phones, desk = asyncio.run(_burst(live, tokens, body_for(source, target, "10.00"), verdict))

    assert (waiting["state"], waiting["decided_at"]) == ("held", None)
    last = {"release": "transfer.posted", "reject": "transfer.voided"}[verdict]
    assert [[one["kind"] for one in phone] for phone in phones] == [[*SENT, "transfer.held", last]] * 2
    assert {phone[-1]["payload"]["transfer_id"] for phone in phones} == {waiting["id"]}
    assert [one["kind"] for one in desk] == ["fraud.alert", "fraud.claimed", "fraud.decided"]
    account = Account.objects.get(pk=source.pk)
    assert (balances(source, target), account.held) == ([kept, came], 0)
    assert verify_books().findings == []


async def _burst(live: Server, tokens: list[str], body: dict[str, Any], verdict: str) -> tuple[Any, list, list]:
    """Send until one is held, and decide; return it, and what sender, payee and desk heard on open sockets."""
    sender, payee, admin = tokens
    async with ear(live, sender) as mine, ear(live, payee) as theirs, ear(live, admin) as console:
        for socket in (mine, theirs, console):
            await socket.array()
        for number in range(BURST):
            status, waiting = await _post(live, sender, "transfers/", body)
            assert status == (202 if number == BURST - 1 else 201), waiting
        alert = await heard(console, "fraud.alert")
        desk = [alert]
        for act, said in (("claim", {}), ("decide", {"verdict": verdict, "reason": "I have asked them."})):
            status, answer = await _post(live, admin, f"fraud-alerts/{alert['payload']['alert_id']}/{act}/", said)
            assert status == 200, answer
            desk.append(await _about(console, alert["payload"]["alert_id"]))
        phones = [[await _money(phone) for _ in range(BURST + 1)] for phone in (mine, theirs)]
    return waiting, phones, desk


async def _post(live: Server, token: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    return await asyncio.to_thread(call, live.base_url, "POST", f"/api/{path}", body, token, headers)


async def _money(phone: Ear) -> dict[str, Any]:
    """Return the next notice about a transfer."""
    while not (notice := await phone.next()).get("kind", "").startswith("transfer."):
        pass
    return notice


async def _about(console: Ear, alert_id: str) -> dict[str, Any]:
    """Return the next notice about this alert."""
    while (notice := await console.next()).get("payload", {}).get("alert_id") != alert_id:
        pass
    return notice
