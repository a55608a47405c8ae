"""Holds whose time ran out: given back by the clock, by whoever they belong to."""

from datetime import UTC, datetime
from uuid import UUID

import structlog
from django.db import OperationalError

from backend.banking import facts, ledger
from backend.banking.models import Hold, HoldState
from backend.common.database import gave_way
from backend.common.errors import DomainError
from backend.common.unit_of_work import unit_of_work

log = structlog.get_logger(__name__)

DUE_MAX = 1000  # of one run: the clock comes again


def expire_due_holds(*, now: datetime | None = None) -> int:
    """Give back each pending hold whose time ran out, in a transaction of its own; return how many were due.

    What a hold belongs to decides (`facts.hold_due`); one that nobody claims is voided as EXPIRED. One that fails is
    logged and tried again at the next run; the others are not held up. Safe to run twice, and in several processes.
    """
    due = Hold.objects.filter(state=HoldState.PENDING, expires_at__lte=now or datetime.now(UTC))
    ids = list(due.order_by("expires_at").values_list("pk", flat=True)[:DUE_MAX])
    for hold_id in ids:
        try:
            expire_hold(hold_id=hold_id)
        except DomainError as fault:
            log.warning("hold.not_expired", hold=str(hold_id), code=fault.code)
        except OperationalError as fault:
            if not gave_way(fault):
                raise
            log.warning("hold.not_expired", hold=str(hold_id), fault=type(fault).__name__)
    return len(ids)


def expire_hold(*, hold_id: UUID) -> bool:
    """Give back one hold; True if this call did it (False: its owner took it over, or it is decided).

    Locks: what its owner locks; else the account. Nothing is locked before the owner is asked, so that it can keep its
    order (alert, transfer, accounts).
    """
    claims: list[bool] = []
    with unit_of_work():
        facts.hold_due(facts.HoldDue(hold_id, lambda: claims.append(True)))
        if claims:
            return False
        hold = Hold.objects.filter(pk=hold_id).first()
        if hold is None:
            return False
        (hold.account,) = ledger.lock_accounts(hold.account_id)
        hold.refresh_from_db(fields=["state"])
        if hold.state != HoldState.PENDING:
            return False
        ledger.void(hold=hold, state=HoldState.EXPIRED)
    return True
