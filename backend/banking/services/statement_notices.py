"""Telling people that the statement of a month that has ended is ready: once for each account and month."""

from datetime import UTC, date, datetime

from django.db.models import Q

from backend.banking.models import Account, AccountStatus
from backend.banking.selectors.statements import month_at, month_start, previous_month
from backend.common.unit_of_work import unit_of_work
from backend.notifications import services as notifications
from backend.notifications.transfer_notices import StatementReady

AT_ONCE = 200


def tell_due() -> int:
    """Tell the holders of open accounts of the month that has ended at their bank; return how many were told.

    Repeating, also at once: the account keeps what was told, in the transaction that tells it.
    Locks: the accounts of a step, passing over those that somebody else holds.
    """
    now, told = datetime.now(UTC), 0
    people = Account.objects.filter(customer__user__isnull=False).exclude(status=AccountStatus.CLOSED)
    for zone in sorted(set(people.order_by().values_list("bank__time_zone", flat=True))):
        month = previous_month(month_at(now, zone))
        while step := _tell_some(zone, month):
            told += step
    return told


def _tell_some(time_zone: str, month: date) -> int:
    begins = month_start(month_at(datetime.now(UTC), time_zone), time_zone)
    with unit_of_work() as unit:
        due = Account.objects.select_related("customer").filter(
            Q(statement_told=None) | Q(statement_told__lt=month),
            customer__user__isnull=False,
            bank__time_zone=time_zone,
            created_at__lt=begins,
        )
        due = due.exclude(status=AccountStatus.CLOSED).order_by("pk")
        found = list(due.select_for_update(of=("self",), no_key=True, skip_locked=True)[:AT_ONCE])
        Account.objects.filter(pk__in=[account.pk for account in found]).update(statement_told=month)
        for account in found:
            user_id = account.customer.user_id or 0
            notice = StatementReady(
                account_id=str(account.pk), account_number=account.account_number, month=f"{month:%Y-%m}"
            )
            notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)
    return len(found)
