"""Verdicts and alerts for tests, made by the services that make them in production."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from backend.fraud import services as fraud
from backend.fraud.facts import Facts, History
from backend.fraud.models import FraudAlert
from backend.fraud.services.assessing import Assessed
from backend.identity.models import User

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def facts(**changes: Any) -> Facts:
    """An ordinary transfer, on which no rule has anything to say."""
    at = changes.pop("at", NOON)
    usual = {
        "at": at,
        "user_id": None,
        "account_id": "account-1",
        "account_number": "1000000001",
        "opened_at": at - timedelta(days=700),
        "currency": "USD",
        "amount": Decimal("40.00"),
        "payee": "account-2",
        "payee_count": 7,
        "history": History(
            count=20, median=Decimal("45.00"), mad=Decimal("12.00"), hours=(0,) * 12 + (20,) + (0,) * 11
        ),
        "last_sent_at": at - timedelta(days=2),
        "device_since": at - timedelta(days=300),
        "address_since": at - timedelta(days=300),
    }
    return Facts(**{**usual, **changes})


def assess(user: User | None = None, *, subject_id: str = "", **changes: Any) -> Assessed:
    """Assess a transfer of now, as banking does."""
    given = facts(at=datetime.now(UTC), user_id=user.pk if user else None, hour=12, **changes)
    return fraud.assess(facts=given, subject_kind="transfer", subject_id=subject_id or str(uuid.uuid4()))


def held(user: User | None = None, *, amount: str = "12000.00", **changes: Any) -> FraudAlert:
    """The alert on a transfer that is too large to pass: 80 points and more."""
    return FraudAlert.objects.get(alert_id=assess(user, amount=Decimal(amount), **changes).alert_id)


def flagged(user: User | None = None, **changes: Any) -> FraudAlert:
    """The alert on a transfer that was posted: 50 points."""
    return FraudAlert.objects.get(alert_id=assess(user, count_1h=12, **changes).alert_id)


def unfreeze() -> None:
    """Do what only the database's owner can, until the test's transaction ends: let verdicts be changed."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE fraud_assessment DISABLE TRIGGER fraud_assessment_frozen")
