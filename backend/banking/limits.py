"""What may leave an account: the hard limits of its bank, or the settings where the bank has none of its own.

Pure arithmetic; the sums are read under the account's lock (selectors/facts.py). An amount at the limit passes, a cent
more does not.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from backend.banking.errors import DayLimitExceeded, TransferLimitExceeded
from backend.banking.models import Bank

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Limits:
    """`step_up_from`: what may be sent to others in a banking day without a step-up token stays below it."""

    transfer_max: Decimal
    day_max: Decimal
    step_up_from: Decimal

    def check(self, *, amount: Decimal, sent_today: Decimal) -> None:
        """Raises: TransferLimitExceeded, DayLimitExceeded with what is left of the day."""
        if amount > self.transfer_max:
            raise TransferLimitExceeded(limit=str(self.transfer_max))
        left = max(self.day_max - sent_today, ZERO)
        if amount > left:
            raise DayLimitExceeded(limit=str(self.day_max), left=str(left))

    def takes_step_up(self, *, amount: Decimal, unconfirmed_today: Decimal) -> bool:
        """Whether this transfer, with what went to others unconfirmed today, is too much to go by a session alone."""
        return amount + unconfirmed_today >= self.step_up_from


def limits_of(bank: Bank) -> Limits:
    """Return what counts at this bank."""
    return Limits(
        transfer_max=settings.TRANSFER_MAX if bank.transfer_max is None else bank.transfer_max,
        day_max=settings.TRANSFER_DAY_MAX if bank.transfer_day_max is None else bank.transfer_day_max,
        step_up_from=settings.TRANSFER_STEP_UP_FROM if bank.step_up_from is None else bank.step_up_from,
    )
