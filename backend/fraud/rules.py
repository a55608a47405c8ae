"""The fixed rules, and the verdict that they come to. Pure: the same inputs give the same bytes, today and in years.

Each rule is one function of the facts and its own settings. It answers with points and words for staff, or with
None. The score is the sum of the points, at most 100.

A change of what a rule computes is a new engine: this module is copied, `ENGINE` raised, and the older one kept for
replaying what it has judged (ADR 0008).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

from backend.fraud.facts import EXACT, Facts
from backend.fraud.rulesets import (
    CODES,
    CountRule,
    Dormant,
    InAndOut,
    MoneyRule,
    Newness,
    Night,
    Rules,
    Structuring,
    UnusualAmount,
    amount_for,
)

ENGINE = 1
SCORE_MAX = 100
# Turns a median of distances into what a standard deviation would be, were the amounts spread normally.
NORMAL = Decimal("0.6745")
TENTH = Decimal("0.1")

Hit = tuple[int, str] | None


@dataclass(frozen=True, slots=True)
class Bands:
    """From which scores on there is an alert, a grave one, and a hold."""

    alert: int
    high: int
    hold: int


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that spoke. While it is snoozed it adds no points, and is kept."""

    code: str
    points: int
    words: str
    is_snoozed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    score: int
    alert: bool
    hold: bool
    severity: str
    reasons: tuple[Reason, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what is stored, and compared by a replay."""
        reasons = [
            {"code": one.code, "points": one.points, "snoozed": one.is_snoozed, "words": one.words}
            for one in self.reasons
        ]
        head = {"engine": ENGINE, "score": self.score, "alert": self.alert, "hold": self.hold}
        return {**head, "severity": self.severity, "reasons": reasons}


def evaluate(facts: Facts, rules: Rules, *, bands: Bands, snoozed: Collection[str] = ()) -> Verdict:
    """Return the verdict on these facts. `facts` are thawed ones: money with two places, the hour worked out."""
    with localcontext(EXACT):
        reasons = []
        for code in CODES:
            found = _RULES[code](facts, getattr(rules, code))
            if found is not None and found[0] > 0:
                is_snoozed = code in snoozed
                reasons.append(Reason(code, 0 if is_snoozed else found[0], found[1], is_snoozed))
    score = min(SCORE_MAX, sum(one.points for one in reasons))
    alert = score >= bands.alert
    severity = ("HIGH" if score >= bands.high else "MEDIUM") if alert else ""
    return Verdict(score, alert, score >= bands.hold, severity, tuple(reasons))


def _transfer_amount(facts: Facts, rule: MoneyRule) -> Hit:
    return _by_money(rule, facts, facts.amount, "This transfer is {value}, above {limit}.")


def _daily_amount(facts: Facts, rule: MoneyRule) -> Hit:
    words = "{value} sent on this bank day with this transfer, above {limit}."
    return _by_money(rule, facts, facts.sent_today + facts.amount, words)


def _hour_count(facts: Facts, rule: CountRule) -> Hit:
    return _by_count(rule.steps, facts.count_1h + 1, "{value} transfers within an hour, above {limit}.")


def _hour_amount(facts: Facts, rule: MoneyRule) -> Hit:
    return _by_money(rule, facts, facts.sum_1h + facts.amount, "{value} sent within an hour, above {limit}.")


def _day_count(facts: Facts, rule: CountRule) -> Hit:
    return _by_count(rule.steps, facts.count_24h + 1, "{value} transfers within 24 hours, above {limit}.")


def _day_amount(facts: Facts, rule: MoneyRule) -> Hit:
    return _by_money(rule, facts, facts.sum_24h + facts.amount, "{value} sent within 24 hours, above {limit}.")


def _unusual_amount(facts: Facts, rule: UnusualAmount) -> Hit:
    past = facts.history
    if past.count < rule.history_min or facts.amount < amount_for(rule.from_amount, facts.currency):
        return None
    spread = max(past.mad, amount_for(rule.least, facts.currency), Decimal("0.01"))
    distance = NORMAL * (facts.amount - past.median)
    passed = [step for step in rule.steps if distance > step.over * spread]
    if not passed:
        return None
    times = (distance / spread).quantize(TENTH)
    words = f"{times} robust deviations above the median of {past.median} of the last {past.count} transfers."
    return passed[-1].points, words


def _new_payee(facts: Facts, rule: MoneyRule) -> Hit:
    if facts.payee_count or facts.payee_is_own:
        return None
    return _by_money(rule, facts, facts.amount, "The first transfer to this payee is {value}, above {limit}.")


def _new_device(facts: Facts, rule: Newness) -> Hit:
    return _new(facts, facts.device_since, rule, "device")


def _new_address(facts: Facts, rule: Newness) -> Hit:
    return _new(facts, facts.address_since, rule, "network address")


def _new(facts: Facts, known_since: Any, rule: Newness, what: str) -> Hit:
    if not facts.is_attended or rule.hours == 0:
        return None
    if known_since is not None and facts.at - known_since >= timedelta(hours=rule.hours):
        return None
    return rule.points, f"The {what} has been known for less than {rule.hours} hours."


def _night(facts: Facts, rule: Night) -> Hit:
    hour = facts.hour or 0
    if not facts.is_attended or not _is_between(hour, rule.from_hour, rule.to_hour):
        return None
    past = facts.history
    by_night = sum(count for at, count in enumerate(past.hours) if _is_between(at, rule.from_hour, rule.to_hour))
    if by_night * 100 > rule.usual_percent * past.count:
        return None
    return (
        rule.points,
        f"Sent at {hour:02} hours of the bank's day, with {by_night} of {past.count} transfers by night.",
    )


def _structuring(facts: Facts, rule: Structuring) -> Hit:
    limit = amount_for(rule.limit, facts.currency)
    floor = limit * (100 - rule.within_percent) / 100
    if not floor <= facts.amount <= limit:
        return None
    near = 1 + sum(floor <= amount <= limit for amount in facts.amounts_24h)
    words = f"{{value}} transfers within 24 hours keep at most {rule.within_percent} % below {limit}."
    return _by_count(rule.steps, near, words)


def _dormant(facts: Facts, rule: Dormant) -> Hit:
    if facts.amount <= amount_for(rule.over, facts.currency):
        return None
    idle = facts.at - (facts.last_sent_at or facts.opened_at)
    if idle < timedelta(days=rule.days):
        return None
    return rule.points, f"Nothing was sent from this account for {idle.days} days."


def _in_and_out(facts: Facts, rule: InAndOut) -> Hit:
    if facts.received_24h <= amount_for(rule.received, facts.currency):
        return None
    left = facts.sum_24h + facts.amount
    passed = [step for step in rule.steps if left * 100 > facts.received_24h * step.over]
    if not passed:
        return None
    words = f"{left} of the {facts.received_24h} that came within 24 hours are leaving again."
    return passed[-1].points, words


def _by_money(rule: MoneyRule, facts: Facts, value: Decimal, words: str) -> Hit:
    passed = [step for step in rule.steps if value > amount_for(step.over, facts.currency)]
    if not passed:
        return None
    limit = f"{amount_for(passed[-1].over, facts.currency)} {facts.currency}"
    return passed[-1].points, words.format(value=f"{value} {facts.currency}", limit=limit)


def _by_count(steps: list[Any], value: int, words: str) -> Hit:
    passed = [step for step in steps if value > step.over]
    return (passed[-1].points, words.format(value=value, limit=passed[-1].over)) if passed else None


def _is_between(hour: int, start: int, end: int) -> bool:
    """Whether an hour lies from `start` on and before `end`, which may be on the next day."""
    return start <= hour < end if start <= end else hour >= start or hour < end


_RULES: dict[str, Callable[[Facts, Any], Hit]] = {
    "transfer_amount": _transfer_amount,
    "daily_amount": _daily_amount,
    "hour_count": _hour_count,
    "hour_amount": _hour_amount,
    "day_count": _day_count,
    "day_amount": _day_amount,
    "unusual_amount": _unusual_amount,
    "new_payee": _new_payee,
    "new_device": _new_device,
    "new_address": _new_address,
    "night": _night,
    "structuring": _structuring,
    "dormant": _dormant,
    "in_and_out": _in_and_out,
}
