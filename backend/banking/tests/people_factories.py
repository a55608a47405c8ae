"""People who bank: verified, with accounts and money on them. What they do goes through the services or the doors."""

import random
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import OperationalError
from rest_framework.test import APIClient

from backend.banking.models import Account, Bank, Customer, Rhythm, Schedule, Transfer
from backend.banking.selectors.people import Payee
from backend.banking.services import schedules, transfers
from backend.banking.services.schedules import Plan
from backend.banking.tests.factories import fund, make_bank
from backend.common.database import gave_way
from backend.common.errors import DomainError
from backend.identity.models import User
from backend.identity.principals import principal_of


def verify(user: User) -> User:
    """Approve somebody, as KYC does."""
    user.kyc_status = User.KycStatus.APPROVED
    user.save(update_fields=["kyc_status"])
    return user


def account_of(user: User, *, bank: Bank | None = None, balance: str = "0", **fields: Any) -> Account:
    """An account of a person's, who is verified then."""
    verify(user)
    names = {"first_name": user.first_name or "Ana", "last_name": user.last_name}
    customer, _ = Customer.objects.get_or_create(user=user, defaults=names)
    bank = bank or make_bank()
    numbered = {"account_number": uuid.uuid4().hex[:16], "currency": bank.currency}
    account = Account.objects.create(bank=bank, customer=customer, **{**numbered, **fields})
    if Decimal(balance):
        fund(account, balance)
    return account


def to(account: Account) -> Payee:
    return Payee(bank_id=account.bank_id, account_number=account.account_number)


def send(source: Account, target: Account, amount: str, **more: Any) -> Transfer:
    """Have the owner of an account send money to another."""
    user = User.objects.get(pk=source.customer.user_id)
    return transfers.send_transfer(
        actor=principal_of(user), source_id=source.pk, payee=to(target), amount=Decimal(amount), **more
    )


def wander(accounts: list[str], times: int) -> int:
    """Send money from one account to a neighbour in the circle, over and over, as its owner; return how many transfers
    were made. One that is refused, or gives way to another, was none."""
    ring = [Account.objects.select_related("customer").get(pk=uuid.UUID(account)) for account in accounts]
    made = 0
    for _ in range(times):
        place, step = random.randrange(len(ring)), random.choice([1, -1])  # noqa: S311 - any order will do
        amount = f"{random.randint(1, 300) / 100:.2f}"  # noqa: S311
        try:
            send(ring[place], ring[(place + step) % len(ring)], amount)
        except DomainError:
            continue
        except OperationalError as fault:
            if not gave_way(fault):
                raise
            continue
        made += 1
    return made


def plan(source: Account, target: Account, amount: str = "10.00", **more: Any) -> Schedule:
    """Have the owner of an account plan a transfer: by default once, today."""
    user = User.objects.get(pk=source.customer.user_id)
    given = {"rhythm": Rhythm.ONCE, "starts_on": datetime.now(UTC).date(), **more}
    return schedules.plan_transfer(
        actor=principal_of(user), source_id=source.pk, payee=to(target), plan=Plan(amount=Decimal(amount), **given)
    )


def due(schedule: Schedule, *, on: date | None = None) -> Schedule:
    """Let a plan be due now, as if its day had come."""
    schedule.refresh_from_db()
    schedule.due_at = datetime.now(UTC) - timedelta(seconds=1)
    schedule.due_on = on or schedule.due_on
    schedule.save(update_fields=["due_at", "due_on"])
    return schedule


def body_for(source: Account, target: Account, amount: str, **more: Any) -> dict[str, Any]:
    """What an app sends to `POST /api/transfers/`."""
    return {
        "source": str(source.pk),
        "bank": str(target.bank_id),
        "account_number": target.account_number,
        "amount": amount,
        **more,
    }


def post_transfer(client: APIClient, body: dict[str, Any], *, key: str = "", **headers: str) -> Any:
    return client.post("/api/transfers/", body, HTTP_IDEMPOTENCY_KEY=key or uuid.uuid4().hex, **headers)


def balances(*accounts: Account) -> list[str]:
    return [str(Account.objects.values_list("balance", flat=True).get(pk=one.pk)) for one in accounts]


MakeUser = Callable[..., User]
