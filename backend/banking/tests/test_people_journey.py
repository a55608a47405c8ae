"""From sign-up to a statement, live: what a newcomer does on the phone, and the staff at its desks (issue 08)."""

import asyncio
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import requests

from backend.banking.tests.factories import make_bank
from backend.banking.verification import verify as verify_books
from backend.identity.tests.notifying import ear
from backend.tests.test_journey_kyc import decide, heard, sign_up, uploader

pytestmark = pytest.mark.server


def ask(live, token, method, path, body=None):
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid.uuid4().hex}
    return requests.request(method, f"{live.base_url}/api/{path}", json=body, headers=headers, timeout=30)


def test_sign_up_kyc_account_deposit_transfer_statement(live, make_user, token_of):
    bank = make_bank(bank_name="Riverside Savings")
    admin = token_of(make_user("BANK_ADMIN"))
    people = [sign_up(live.base_url) for _ in range(2)]
    (_, ana), (_, bob) = people
    too_early = ask(live, ana, "POST", "accounts/", {"bank": str(bank.pk)})
    for user_id, token in people:
        uploader(live.base_url, token, chunk=900_000).upload()
        assert decide(live.base_url, admin, user_id, action="approve").status_code == 200

    mine, theirs = (ask(live, token, "POST", "accounts/", {"bank": str(bank.pk)}).json() for token in (ana, bob))
    paid_in = ask(live, admin, "POST", f"accounts/{mine['account_id']}/deposits/", {"amount": "250.00"})
    to = {"bank": str(bank.pk), "account_number": theirs["account_number"]}
    match = ask(live, ana, "POST", "transfers/payee/", {**to, "name": "Nobody Like That"})
    sending = {"source": mine["account_id"], **to, "amount": "40.50", "memo": "Lunch"}
    sent, told = asyncio.run(_sent_and_heard(live, ana, bob, sending))

    assert (too_early.status_code, too_early.json()["code"]) == (403, "kyc_required")
    assert (paid_in.status_code, paid_in.json()["balance"], match.json()) == (201, "250.00", {"result": "no_match"})
    assert (sent.status_code, sent.json()["state"]) == (201, "posted")
    assert told["payload"] == {
        "transfer_id": sent.json()["id"],
        "account_id": theirs["account_id"],
        "direction": "in",
        "amount": "40.50",
        "currency": "USD",
    }
    month = f"{datetime.now(UTC):%Y-%m}"
    statement = ask(live, ana, "GET", f"statements/{mine['account_id']}/{month}/").json()
    assert [(line["what"], line["amount"]) for line in statement["lines"]] == [
        ("deposit", "250.00"),
        ("transfer", "-40.50"),
    ]
    moved = sum((Decimal(line["amount"]) for line in statement["lines"]), Decimal(statement["opening_balance"]))
    assert (moved, statement["closing_balance"]) == (Decimal("209.50"), "209.50")
    pdf = ask(live, ana, "GET", f"statements/{mine['account_id']}/{month}/?format=pdf")
    assert (pdf.headers["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    spent = ask(live, ana, "GET", "management/expense/").json()
    assert [entry["amount"] for entry in spent if entry["title"] == f"To {theirs['account_number']}"] == ["40.50"]
    assert verify_books().findings == []


async def _sent_and_heard(live, sender, payee, body):
    async with ear(live, payee) as phone:
        await phone.array()
        answer = await asyncio.to_thread(ask, live, sender, "POST", "transfers/", body)
        return answer, await heard(phone, "transfer.posted")
