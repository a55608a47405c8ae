"""What staff may set of the fixed rules: thresholds and points, as one JSON document that is checked as a whole.

Where a rule has steps, the highest threshold that is passed says how many points it adds. Money thresholds say an
amount for each currency; `*` is for all others.
"""

from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

Points = Annotated[int, Field(strict=True, ge=0, le=100)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Amount = Annotated[Decimal, Field(ge=0, max_digits=20, decimal_places=2)]
OTHERS = "*"


def _covers_all(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    if OTHERS not in amounts:
        raise ValueError("`*` must say the amount for all other currencies")
    return amounts


Currency = Annotated[str, Field(pattern=r"^([A-Z]{3}|\*)$")]
Money = Annotated[dict[Currency, Amount], Field(max_length=60), AfterValidator(_covers_all)]
T = TypeVar("T")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Strict, Generic[T]):
    """Above `over`, the rule adds `points`."""

    over: T
    points: Points


def _rise(steps: list[Step[Any]]) -> list[Step[Any]]:
    for lower, higher in zip(steps, steps[1:], strict=False):
        if lower.points > higher.points or not _is_above(lower.over, higher.over):
            raise ValueError("steps must rise, in their threshold and in their points")
    return steps


def _is_above(lower: Any, higher: Any) -> bool:
    if not isinstance(lower, dict):
        return bool(lower < higher)
    return all(amount_for(lower, name) < amount_for(higher, name) for name in {*lower, *higher})


MoneySteps = Annotated[list[Step[Money]], Field(min_length=1, max_length=5), AfterValidator(_rise)]
CountSteps = Annotated[list[Step[Count]], Field(min_length=1, max_length=5), AfterValidator(_rise)]
FactorSteps = Annotated[
    list[Step[Annotated[Decimal, Field(ge=0, le=10_000, decimal_places=2)]]],
    Field(min_length=1, max_length=5),
    AfterValidator(_rise),
]


class MoneyRule(_Strict):
    steps: MoneySteps


class CountRule(_Strict):
    steps: CountSteps


class UnusualAmount(_Strict):
    """Distance from the account's own median in robust standard deviations. `least`: what is taken for the spread
    of an account that always sends the same; `from_amount`: below it nothing is unusual."""

    history_min: Annotated[int, Field(strict=True, ge=3, le=100)]
    least: Money
    from_amount: Money
    steps: FactorSteps


class Newness(_Strict):
    """Known for less than so many hours."""

    hours: Annotated[int, Field(strict=True, ge=0, le=8760)]
    points: Points


class Night(_Strict):
    """Between two hours of the bank's day, for whom at most `usual_percent` of the history falls into them."""

    from_hour: Annotated[int, Field(strict=True, ge=0, le=23)]
    to_hour: Annotated[int, Field(strict=True, ge=0, le=23)]
    usual_percent: Annotated[int, Field(strict=True, ge=0, le=100)]
    points: Points


class Structuring(_Strict):
    """So many transfers of 24 hours that keep just below a limit."""

    limit: Money
    within_percent: Annotated[int, Field(strict=True, ge=1, le=50)]
    steps: CountSteps


class Dormant(_Strict):
    """Nothing was sent for so many days, and now more than an amount."""

    days: Annotated[int, Field(strict=True, ge=1, le=3650)]
    over: Money
    points: Points


class InAndOut(_Strict):
    """Money that came within 24 hours leaves again: so many percent of what came, where more than `received` did."""

    received: Money
    steps: CountSteps


class Rules(_Strict):
    """The fixed set. What each rule looks at is in rules.py; here is from when on, and how much it weighs."""

    transfer_amount: MoneyRule
    daily_amount: MoneyRule
    hour_count: CountRule
    hour_amount: MoneyRule
    day_count: CountRule
    day_amount: MoneyRule
    unusual_amount: UnusualAmount
    new_payee: MoneyRule
    new_device: Newness
    new_address: Newness
    night: Night
    structuring: Structuring
    dormant: Dormant
    in_and_out: InAndOut


CODES = tuple(Rules.model_fields)


def parse(document: Any) -> Rules:
    """Return the checked rules. Raises: ValueError, with a line for each fault."""
    try:
        return Rules.model_validate(document)
    except ValidationError as fault:
        lines = [f"{'.'.join(map(str, one['loc'])) or 'rules'}: {one['msg']}" for one in fault.errors()]
        raise ValueError("; ".join(lines[:20])) from fault


def amount_for(amounts: dict[str, Decimal], currency: str) -> Decimal:
    return amounts.get(currency, amounts[OTHERS])
