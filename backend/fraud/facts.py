"""What is known about a transfer at the moment of deciding, and the one form in which it is kept.

Pure: no database, no settings, no clock. `freeze` writes facts as JSON values (money with two places, times in UTC),
`thaw` reads them back; a verdict is always made from what `thaw` returns, so what was judged is what is stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import orjson

HISTORY_MAX = 100
HISTORY_DAYS = 180
RECENT_MAX = 50
HOURS = 24

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
# Every calculation of this slice: no other library's idea of precision or rounding gets into a verdict.
EXACT = Context(prec=28, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The account's posted outgoing transfers: at most the newest 100, at most 180 days old.

    `mad` is the median of the distances from the median; `hours` counts them by the hour of the bank's day.
    """

    count: int = 0
    median: Decimal = ZERO
    mad: Decimal = ZERO
    hours: tuple[int, ...] = (0,) * HOURS

    @classmethod
    def of(cls, transfers: Iterable[tuple[Decimal, datetime]], *, time_zone: str) -> "History":
        """Return the history that these (amount, time) are; which they are the caller chooses by the limits above."""
        zone = ZoneInfo(time_zone)
        known = list(transfers)
        if not known:
            return cls()
        hours = [0] * HOURS
        for _, at in known:
            hours[at.astimezone(zone).hour] += 1
        with localcontext(EXACT):
            amounts = [amount for amount, _ in known]
            middle = median(amounts)
            spread = median(abs(amount - middle) for amount in amounts)
        return cls(count=len(known), median=_cents(middle), mad=_cents(spread), hours=tuple(hours))


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One outgoing transfer and what surrounds it, as plain values that banking reads under its account locks.

    The sums and counts are of the source account's transfers that are posted or held, without this one; what was
    refused, voided or has timed out does not count. Nothing here is an address or a name.
    """

    at: datetime
    time_zone: str = "UTC"
    user_id: int | None
    account_id: str
    account_number: str
    opened_at: datetime
    currency: str
    amount: Decimal
    payee: str
    payee_count: int
    payee_is_own: bool = False
    sent_today: Decimal = ZERO
    count_1h: int = 0
    sum_1h: Decimal = ZERO
    count_24h: int = 0
    sum_24h: Decimal = ZERO
    amounts_24h: tuple[Decimal, ...] = ()
    history: History = History()
    received_24h: Decimal = ZERO
    last_sent_at: datetime | None = None
    is_attended: bool = True
    device_since: datetime | None = None
    address_since: datetime | None = None
    # The hour of the bank's day. Left out it is worked out here, once: rules of time zones change over the years.
    hour: int | None = None


def freeze(facts: Facts) -> dict[str, Any]:
    """Return the facts as JSON values, complete and in one spelling."""
    hour = facts.at.astimezone(ZoneInfo(facts.time_zone)).hour if facts.hour is None else facts.hour
    whole = replace(facts, hour=hour, amounts_24h=facts.amounts_24h[:RECENT_MAX])
    return {field.name: _frozen(getattr(whole, field.name)) for field in fields(Facts)}


def thaw(frozen: Mapping[str, Any]) -> Facts:
    """Return the facts that `freeze` has written."""
    past = frozen["history"]
    history = History(
        count=past["count"], median=Decimal(past["median"]), mad=Decimal(past["mad"]), hours=tuple(past["hours"])
    )
    return Facts(
        **{
            **frozen,
            **{name: Decimal(frozen[name]) for name in _MONEY},
            **{name: _moment(frozen[name]) for name in _TIMES},
            "amounts_24h": tuple(map(Decimal, frozen["amounts_24h"])),
            "history": history,
        }
    )


def canonical(value: Any) -> str:
    """Return JSON in the one form that is stored and compared: sorted keys, no spaces, UTF-8."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


_MONEY = ("amount", "sent_today", "sum_1h", "sum_24h", "received_24h")
_TIMES = ("at", "opened_at", "last_sent_at", "device_since", "address_since")


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, context=EXACT)


def _frozen(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(_cents(value))
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_frozen(one) for one in value]
    if isinstance(value, History):
        return {field.name: _frozen(getattr(value, field.name)) for field in fields(History)}
    return value


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
