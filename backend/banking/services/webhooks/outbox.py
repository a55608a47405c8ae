"""What partners are to hear, written in the transaction of the fact: it is told if, and only if, that commits.

Hooks of `facts.py` call these with the account locked, so each is one statement: a message, and a delivery for every
endpoint of the bank that wants to hear of it. Those are locked against being deleted before that commits. Told is what
the partner may read by itself: its own customers' loans and payments, in the shapes of its own routes.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.db import connection

from backend.banking import tasks
from backend.banking.facts import LoanMoved, PaymentDecided
from backend.banking.models import Account, WebhookDelivery, WebhookEndpoint, WebhookKind, WebhookMessage
from backend.banking.selectors import partner as selectors
from backend.common import hooks, jobs
from backend.common.rendering import dumps

TRIAL = "webhook.test"
DETAILS_MAX = 100
_WRITE = """
WITH listening AS (
    SELECT id FROM banking_webhookendpoint
    WHERE bank_id = %(bank)s AND disabled_at IS NULL AND (kinds = '{}' OR %(kind)s = ANY(kinds))
    FOR KEY SHARE
), message AS (
    INSERT INTO banking_webhookmessage (id, bank_id, account_id, kind, body, created_at)
    SELECT %(id)s, %(bank)s, %(account)s, %(kind)s, %(body)s, %(at)s WHERE EXISTS (SELECT FROM listening)
    RETURNING id
)
INSERT INTO banking_webhookdelivery (message_id, endpoint_id, state, attempts, due_at, last_fault, created_at)
SELECT message.id, listening.id, 'pending', 0, %(at)s, '', %(at)s FROM message, listening
"""


def hear_loan_activated(moved: LoanMoved) -> None:
    _tell_of_loan(WebhookKind.LOAN_ACTIVATED, moved)


def hear_loan_paid(moved: LoanMoved) -> None:
    _tell_of_loan(WebhookKind.LOAN_PAID, moved)


def hear_payment_completed(decided: PaymentDecided) -> None:
    _tell_of_payment(WebhookKind.PAYMENT_COMPLETED, decided)


def hear_payment_rejected(decided: PaymentDecided) -> None:
    _tell_of_payment(WebhookKind.PAYMENT_REJECTED, decided)


def write_trial(endpoint: WebhookEndpoint) -> WebhookMessage:
    """Write a message that one endpoint alone is told, in the caller's unit of work."""
    at = datetime.now(UTC)
    body = _body(TRIAL, at, {"endpoint_id": str(endpoint.pk)})
    message = WebhookMessage.objects.create(bank_id=endpoint.bank_id, kind=TRIAL, body=body, created_at=at)
    WebhookDelivery.objects.create(message=message, endpoint=endpoint, due_at=at, created_at=at)
    deliver_soon()
    return message


def deliver_soon() -> None:
    """Have the outbox emptied after the commit. The clock does it, too: a job that is lost loses nothing."""
    jobs.enqueue(tasks.deliver_webhooks)


def erase_messages(erasure: hooks.Erasure) -> None:
    """What partners were told of the person's loans goes; what is still on its way goes with the retention."""
    told = WebhookMessage.objects.filter(account__customer__user=erasure.user_id)
    told.exclude(deliveries__state="pending").delete()


def export_messages(export: hooks.Export) -> None:
    """What partners were told of the person's loans and payments, as it was sent."""
    told = WebhookMessage.objects.filter(account__customer__user=export.user_id).order_by("created_at", "id")
    rows = told.values("kind", "created_at", "body")
    export.add(
        "banking/webhooks.json",
        ({**row, "created_at": row["created_at"].isoformat()} for row in rows.iterator(500)),
    )


def _tell_of_loan(kind: WebhookKind, moved: LoanMoved) -> None:
    if moved.loan.external_id is not None:
        _write(kind, moved.account, selectors.loan_of(moved.loan, moved.account))


def _tell_of_payment(kind: WebhookKind, decided: PaymentDecided) -> None:
    if decided.account.external_id is None:
        return
    shown = selectors.payment_of(decided.payment, decided.account, decided.details[:DETAILS_MAX])
    _write(kind, decided.account, {**shown, "loans_touched": len(decided.details)})


def _write(kind: WebhookKind, account: Account, told: dict[str, Any]) -> None:
    at = datetime.now(UTC)
    message: dict[str, Any] = {
        "id": uuid4(),
        "bank": account.bank_id,
        "account": account.pk,
        "kind": str(kind),
        "body": _body(str(kind), at, told),
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, message)
        if cursor.rowcount:
            deliver_soon()


def _body(kind: str, at: datetime, told: dict[str, Any]) -> str:
    """Return the body as Standard Webhooks has it: what happened, when, and to what."""
    return dumps({"type": kind, "timestamp": at, "data": told}).decode()
