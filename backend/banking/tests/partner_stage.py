"""A partner's system for tests: a bank, a key bound to it, and calls as its engineers make them."""

import itertools
from typing import Any

from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

from backend.audit.models import AuditLog
from backend.banking.models import Account, Bank, Customer, Entry, Loan, PartnerKey, Payment, Posting
from backend.identity.models import KeyGrant
from backend.realtime.models import Event

_numbers = itertools.count(1)
DUE = "2027-01-31T12:00:00Z"


class Partner:
    """Calls the door with a key of its own; `prefix` is where the routes are mounted."""

    def __init__(self, bank: Bank | None = None, *, scopes: list[str] | None = None, prefix: str = "") -> None:
        self.bank = bank or Bank.objects.create(bank_name=f"Bank {next(_numbers)}")
        self.key, self.secret = APIKey.objects.create_key(name="partner")
        PartnerKey.objects.create(api_key=self.key, bank=self.bank)
        if scopes is not None:
            KeyGrant.objects.create(api_key=self.key, scopes=scopes)
        self.prefix = prefix
        self.client = APIClient(raise_request_exception=False)
        self.client.credentials(HTTP_X_API_KEY=self.secret)
        self.client.get("/api/auth/api-key/")  # The trail notes a key's first use of the day.

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"{self.prefix}{path}", query)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **more: Any) -> Any:
        headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
        return self.client.post(f"{self.prefix}{path}", {} if body is None else body, **headers, **more)

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(f"{self.prefix}{path}", body)

    def customer(self, name: str = "c-1", score: Any = "5000.00", **more: Any) -> Any:
        return self.post("/customers/", {"external_id": name, "score": score, **more})

    def loan(self, name: str = "l-1", amount: Any = "1000.00", customer: str = "c-1", **more: Any) -> Any:
        body = {"external_id": name, "customer_external_id": customer, "amount": amount, "contract_version": "v1"}
        return self.post("/loans/", {**body, "maximum_payment_date": DUE, **more})

    def active_loan(self, name: str, amount: Any, *, taken_at: Any = None, customer: str = "c-1") -> Loan:
        """A loan that was lent; `taken_at` is set behind the services' back, for the order of payments."""
        assert self.loan(name, amount, customer).status_code == 201
        assert self.post(f"/loans/{name}/activate/").status_code == 200
        found = Loan.objects.filter(bank=self.bank, external_id=name)
        if taken_at is not None:
            found.update(taken_at=taken_at)
        return found.get()

    def pay(self, name: str = "p-1", amount: Any = "100.00", customer: str = "c-1", **more: Any) -> Any:
        body = {"external_id": name, "customer_external_id": customer, "total_amount": amount}
        return self.post("/payments/", body, **more)

    def account(self, name: str = "c-1") -> Account:
        return Account.objects.get(bank=self.bank, external_id=name)


def stored() -> dict[str, Any]:
    """What there is of everything that a refusal must not change."""
    counted = (Customer, Posting, Entry, Payment, Event, AuditLog)
    return {
        **{model.__name__: model.objects.count() for model in counted},
        "accounts": sorted(Account.objects.values_list("pk", "balance", "status", "credit_line", "is_paused")),
        "loans": sorted(Loan.objects.values_list("pk", "state", "outstanding")),
    }
