"""Issue 07's journey, live: a partner lends and is paid, the bank's manager sees it, a webhook tells of it."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from rest_framework_api_key.models import APIKey
from standardwebhooks import Webhook

from backend.banking.models import Bank, PartnerKey
from backend.banking.selectors.ledger import trial_balance
from backend.banking.tests.receiver import Receiver, receiving
from backend.banking.verification import verify
from backend.tests.servers import Server

pytestmark = pytest.mark.server

PATIENCE_S = 30


@pytest.fixture
def served(live: Server, tmp_path: Path) -> Iterator[Server]:
    """A server process that sends webhooks to this machine."""
    with Server(live.database, folder=tmp_path, WEBHOOK_LOOPBACK="on").running() as server:
        yield server


class Caller:
    def __init__(self, base_url: str, **headers: str) -> None:
        self.base_url, self.headers = base_url, headers

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = requests.request(
            method, self.base_url + path, json=body, headers={**self.headers, **headers}, timeout=30
        )
        assert answer.status_code < 300, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def wait_for(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while len(receiver.heard) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_partner_lends_the_manager_sees_it_the_partner_is_paid_and_told(served, make_user, token_of):
    manager = make_user()
    bank = Bank.objects.create(bank_name="Riverside", manager=manager)
    key, secret = APIKey.objects.create_key(name="partner")
    PartnerKey.objects.create(api_key=key, bank=bank)
    partner = Caller(served.base_url, **{"X-Api-Key": secret})
    desk = Caller(served.base_url, Authorization=f"Bearer {token_of(manager)}")
    name, loan = uuid.uuid4().hex, uuid.uuid4().hex

    with receiving() as receiver:
        hook = partner("POST", "/api/webhooks/", {"url": receiver.url})
        partner("POST", "/customers/", {"external_id": name, "score": "5000.00"})
        asked = {"external_id": loan, "customer_external_id": name, "amount": "1000.00", "contract_version": "v1"}
        partner("POST", "/loans/", {**asked, "maximum_payment_date": "2027-01-31T00:00:00Z"})
        partner("POST", f"/loans/{loan}/activate/")

        (seen,) = desk("GET", "/api/loan/")["results"]
        (account,) = desk("GET", "/api/account/")["results"]
        assert (seen["state"], seen["loan_status"], seen["current_loan_amount"]) == ("active", None, "1000.00")
        assert desk("GET", "/api/customer/")["count"] == 1
        assert account["is_active"] is True

        paying = {"external_id": uuid.uuid4().hex, "customer_external_id": name, "total_amount": "1000.00"}
        paid = partner("POST", "/payments/", paying, **{"Idempotency-Key": "first"})
        assert partner("POST", "/api/payments/", paying, **{"Idempotency-Key": "first"}) == paid
        wait_for(receiver, 3)

    assert [(one["loan_external_id"], one["amount"]) for one in paid["payment_details"]] == [(loan, "1000.00")]
    assert desk("GET", f"/api/loan/{seen['loan_id']}/")["state"] == "paid"
    assert sorted(receiver.kinds) == ["loan.activated", "loan.paid", "payment.completed"]
    for headers, body in receiver.heard:
        Webhook(hook["secret"]).verify(body, headers)
    assert [book.total for book in trial_balance(bank)] == [0]
    assert verify().is_clean
