"""What fraud is told of an account: all of what came in within a day, however it is split up (issue 09)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.banking import ledger
from backend.banking.ledger import Line
from backend.banking.models import InternalKind, PostingKind
from backend.banking.selectors import facts
from backend.banking.tests.factories import make_bank, move
from backend.banking.tests.people_factories import account_of
from backend.common.unit_of_work import unit_of_work

pytestmark = pytest.mark.django_db


def credited(account, amount, times):
    """Pay an amount in so often, as one posting: an entry each."""
    with unit_of_work():
        (locked,) = ledger.lock_accounts(account.pk)
        cash = (locked.bank_id, InternalKind.CASH)
        lines = [Line(Decimal(amount), account=locked)] * times + [Line(-Decimal(amount) * times, internal=cash)]
        ledger.post(bank=locked.bank, kind=PostingKind.DEPOSIT, lines=lines, currency="USD", actor_id=None)


def test_what_came_in_within_a_day_counts_whole_and_nothing_older(make_user):
    """A large sum is not hidden behind hundreds of cents; what left does not count."""
    bank = make_bank()
    source, target = (account_of(make_user(), bank=bank) for _ in range(2))
    move(source, "4000.00")
    between = datetime.now(UTC)
    move(source, "2000.00")
    credited(source, "0.01", 300)
    move(source, "-500.00")
    now = datetime.now(UTC)

    def received(at):
        return facts.past_of(source, target, now=at, day=at.date()).received_24h

    assert received(now) == Decimal("6003.00")
    assert received(between + timedelta(hours=24)) == Decimal("2003.00")
    assert received(now + timedelta(hours=24)) == 0
    assert facts.past_of(target, source, now=now, day=now.date()).received_24h == 0
