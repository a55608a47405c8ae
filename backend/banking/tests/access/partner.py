"""Who may call the routes of the partner door, and what calling them takes.

A key works for its bank; the table's are bound to none, so their `own` is at the default one. Webhooks are for keys and
for the managers of a bank, whom the table has only where an object is in the path.
"""

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings

from backend.banking.models import Bank, Loan, Payment, WebhookDelivery, WebhookEndpoint, WebhookMessage
from backend.banking.partners import PartnerPrincipal
from backend.banking.sealing import place_of, webhook_envelopes
from backend.banking.services import credit_lines, loans, payments
from backend.tests.roles import ROLES, Cases, Row, always, only, signed_in
from backend.tests.stage import Caller, Form, Stage, User

CUSTOMER, LOAN = "customers/{customer_external_id}/", "loans/{loan_external_id}/"
PAYMENT, WEBHOOK = "payments/{payment_external_id}/", "/api/webhooks/{webhook_id}/"


def _key(status: int) -> Row:
    return {**dict.fromkeys(ROLES, 403), "api_key": status}


def _named(status: int) -> Cases:
    return {"own": _key(status), "another": _key(404)}


_AT_BOTH_MOUNTS: dict[tuple[str, str], Cases] = {
    ("GET", "customers/"): always(_key(200)),
    ("POST", "customers/"): always(_key(201)),
    ("POST", "customers/upload/"): always(_key(200)),
    ("GET", CUSTOMER): _named(200),
    ("PATCH", CUSTOMER): _named(200),
    ("GET", f"{CUSTOMER}balance/"): _named(200),
    ("GET", "loans/"): always(_key(200)),
    ("POST", "loans/"): always(_key(201)),
    ("GET", LOAN): _named(200),
    ("POST", f"{LOAN}activate/"): _named(200),
    ("POST", f"{LOAN}reject/"): _named(204),
    ("GET", "payments/"): always(_key(200)),
    ("POST", "payments/"): always(_key(201)),
    ("GET", PAYMENT): _named(200),
}


def _webhook(status: int) -> Cases:
    return {"own": signed_in(status, api_key=status), "another": signed_in(404, api_key=404)}


ACCESS: dict[str, Cases] = {
    **{
        f"{method} {mount}{path}": cases
        for (method, path), cases in _AT_BOTH_MOUNTS.items()
        for mount in ("/", "/api/")
    },
    "GET /api/webhooks/": always(only(403, api_key=200)),
    "POST /api/webhooks/": always(only(403, api_key=201)),
    f"GET {WEBHOOK}": _webhook(200),
    f"PATCH {WEBHOOK}": _webhook(200),
    f"DELETE {WEBHOOK}": _webhook(204),
    f"POST {WEBHOOK}rotate-secret/": _webhook(200),
    f"POST {WEBHOOK}test/": _webhook(202),
    f"POST {WEBHOOK}replay/": _webhook(202),
    f"GET {WEBHOOK}deliveries/": _webhook(200),
    f"POST {WEBHOOK}deliveries/{{delivery_id}}/replay/": _webhook(202),
}


def _bank_of(owner: User, caller: Caller) -> Bank:
    """The bank of the caller's key, which the caller manages, too; or somebody else's."""
    if owner != caller.user:
        return Bank.objects.create(bank_name="Another", manager=owner)
    bank = credit_lines.default_bank(settings.PARTNER_DEFAULT_BANK, is_made=True)
    Bank.objects.filter(pk=bank.pk).update(manager=owner)
    return bank


def _customer(bank: Bank) -> Any:
    actor = PartnerPrincipal(key_prefix="access", bank_id=bank.pk, currency=bank.currency)
    return credit_lines.register_customer(actor=actor, external_id=uuid.uuid4().hex, score=Decimal(5000))


def _loan(bank: Bank) -> Loan:
    account = _customer(bank)
    return loans.create_loan(
        actor_id=None,
        account_id=account.pk,
        amount=Decimal(10),
        door="partner",
        terms=loans.Terms(external_id=uuid.uuid4().hex),
    )


def _payment(bank: Bank) -> Payment:
    account = _customer(bank)
    return payments.pay(actor_id=None, account_id=account.pk, total_amount=Decimal(10), external_id=uuid.uuid4().hex)


def make_endpoint(bank: Bank, **fields: Any) -> WebhookEndpoint:
    """An address that nothing is ever sent to: it is a documentation network's."""
    endpoint = WebhookEndpoint(bank=bank, url="https://192.0.2.1/", created_by="test", **fields)
    secret = "whsec_" + "c2VjcmV0" * 5
    endpoint.sealed_secret = webhook_envelopes().seal(secret, bound_to=place_of(endpoint.pk))
    endpoint.save()
    return endpoint


def _delivery_id(stage: Stage, owner: User, caller: Caller) -> int:
    endpoint, now = WebhookEndpoint.objects.latest("created_at"), datetime.now(UTC)
    message = WebhookMessage.objects.create(bank=endpoint.bank, kind="loan.paid", body="{}", created_at=now)
    made = WebhookDelivery.objects.create(
        message=message, endpoint=endpoint, state="failed", due_at=now, created_at=now
    )
    return made.pk


MAKERS = {
    "customer_external_id": lambda stage, owner, caller: _customer(_bank_of(owner, caller)).external_id,
    "loan_external_id": lambda stage, owner, caller: _loan(_bank_of(owner, caller)).external_id,
    "payment_external_id": lambda stage, owner, caller: _payment(_bank_of(owner, caller)).external_id,
    "webhook_id": lambda stage, owner, caller: make_endpoint(_bank_of(owner, caller)).pk,
    "delivery_id": _delivery_id,
}


def _at_the_default_bank() -> str:
    bank = credit_lines.default_bank(settings.PARTNER_DEFAULT_BANK, is_made=True)
    return str(_customer(bank).external_id)


_BODIES = {
    ("POST", "customers/"): lambda stage: {"external_id": uuid.uuid4().hex, "score": "1.00"},
    ("POST", "customers/upload/"): lambda stage: Form("customers.csv", f"{uuid.uuid4().hex},1.00\n".encode()),
    ("PATCH", CUSTOMER): lambda stage: {"score": "2.00"},
    ("POST", "loans/"): lambda stage: {
        "external_id": uuid.uuid4().hex,
        "customer_external_id": _at_the_default_bank(),
        "amount": "10.00",
        "contract_version": "v1",
        "maximum_payment_date": "2027-01-31T12:00:00Z",
    },
    ("POST", "payments/"): lambda stage: {
        "external_id": uuid.uuid4().hex,
        "customer_external_id": _at_the_default_bank(),
        "total_amount": "10.00",
    },
}
BODIES = {
    **{f"{method} {mount}{path}": body for (method, path), body in _BODIES.items() for mount in ("/", "/api/")},
    "POST /api/webhooks/": lambda stage: {"url": "https://1.1.1.1/hooks"},
    f"PATCH {WEBHOOK}": lambda stage: {"description": "Ours"},
    f"POST {WEBHOOK}replay/": lambda stage: {"since": "2026-01-31T00:00:00Z"},
}
