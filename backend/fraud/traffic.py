"""Made traffic with planted fraud: months of ordinary transfers, odd but honest ones among them, and known attacks.

Pure, and the same for the same seed. What is judged are facts as banking would read them; who measures knows which
transfers were planted, so precision and recall of a rule set come out.
"""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from backend.fraud.facts import HISTORY_DAYS, HISTORY_MAX, RECENT_MAX, ZERO, Facts, History, freeze, thaw
from backend.fraud.rules import Bands, evaluate
from backend.fraud.rulesets import Rules

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SCENARIOS = ("takeover", "burst", "structuring", "mule", "dormant", "large")


@dataclass(frozen=True, slots=True)
class Move:
    """One transfer out of an account, or money coming in (`is_credit`). `case` names the attack it belongs to."""

    at: datetime
    account: int
    amount: Decimal
    payee: str = ""
    is_new_device: bool = False
    is_new_address: bool = False
    is_credit: bool = False
    case: str = ""


@dataclass(slots=True)
class Measured:
    """How a rule set did. A case counts as found when at least one of its transfers was."""

    transfers: int = 0
    planted: int = 0
    alerts: int = 0
    right_alerts: int = 0
    holds: int = 0
    right_holds: int = 0
    cases: dict[str, bool] = field(default_factory=dict)

    @property
    def precision(self) -> float:
        return self.right_alerts / max(self.alerts, 1)

    @property
    def hold_precision(self) -> float:
        return self.right_holds / max(self.holds, 1)

    @property
    def recall(self) -> float:
        return sum(self.cases.values()) / max(len(self.cases), 1)

    @property
    def alert_rate(self) -> float:
        return self.alerts / max(self.transfers, 1)

    def recall_by_scenario(self) -> dict[str, float]:
        seen, found = Counter[str](), Counter[str]()
        for case, is_found in self.cases.items():
            seen[case.partition(" ")[0]] += 1
            found[case.partition(" ")[0]] += is_found
        return {name: found[name] / seen[name] for name in SCENARIOS if seen[name]}


def measure(rules: Rules, moves: list[Move], *, bands: Bands) -> Measured:
    """Judge the traffic in the order of time, each transfer with what came before it."""
    found, ledgers = Measured(), defaultdict[int, _Ledger](_Ledger)
    for move in moves:
        ledger = ledgers[move.account]
        if move.is_credit:
            ledger.credits.append((move.at, move.amount))
            continue
        verdict = evaluate(thaw(freeze(ledger.facts(move))), rules, bands=bands)
        ledger.sent.append((move.at, move.amount, move.payee))
        found.transfers += 1
        found.planted += bool(move.case)
        found.alerts += verdict.alert
        found.right_alerts += verdict.alert and bool(move.case)
        found.holds += verdict.hold
        found.right_holds += verdict.hold and bool(move.case)
        if move.case:
            found.cases[move.case] = found.cases.get(move.case, False) or verdict.alert
    return found


def generate(*, seed: int, accounts: int = 300, days: int = 90, cases: int = 60) -> list[Move]:
    """Return traffic in the order of time. A tenth of the accounts belongs to firms, a twentieth sleeps."""
    dice = random.Random(seed)  # noqa: S311 - made traffic, no secret
    people = [_Person(dice, number) for number in range(accounts)]
    moves = [move for person in people for move in person.ordinary(dice, days)]
    for number in range(cases):
        name = SCENARIOS[number % len(SCENARIOS)]
        victims = [one for one in people if one.sleeps == (name == "dormant") and not one.is_firm]
        if not victims:
            continue
        victim, at = dice.choice(victims), START + days * DAY * dice.uniform(0.5, 0.97)
        victim.sleeps = False  # An account is woken once.
        moves += _PLANTED[name](dice, victim, at, f"{name} {number}")
    return sorted(moves, key=lambda move: (move.at, move.account))


class _Person:
    """The habits of one account's holder."""

    def __init__(self, dice: random.Random, number: int) -> None:
        self.number = number
        self.is_firm = dice.random() < 0.1
        self.sleeps = not self.is_firm and dice.random() < 0.05
        self.usual = math.exp(dice.gauss(math.log(60), 0.6)) * (6 if self.is_firm else 1)
        self.a_day = dice.uniform(0.2, 1.5)
        self.is_up_late = dice.random() < 0.08
        self.payees = [f"{number}-{payee}" for payee in range(dice.randrange(4, 12))]

    def ordinary(self, dice: random.Random, days: int) -> Iterator[Move]:
        if self.sleeps:
            return
        for day in range(days):
            start = START + day * DAY
            if day % 30 == 0:
                yield Move(start + 9 * HOUR, self.number, _cents(self.usual * 40), is_credit=True)
                if self.is_firm:
                    yield from self._payday(dice, start + 10 * HOUR)
            for _ in range(_poisson(dice, self.a_day)):
                yield self._usual(dice, start)
            if dice.random() < 1 / 60:
                yield self._odd(dice, start)

    def _usual(self, dice: random.Random, start: datetime) -> Move:
        hour = dice.uniform(0, 5) if self.is_up_late and dice.random() < 0.3 else dice.uniform(7, 23)
        amount = _cents(self.usual * math.exp(dice.gauss(0, 0.5)))
        is_new = dice.random() < 0.02
        payee = f"{self.number}-new-{dice.randrange(10**6)}" if is_new else dice.choice(self.payees)
        is_moved, has_phone = dice.random() < 0.04, dice.random() < 0.01
        return Move(start + hour * HOUR, self.number, amount, payee, has_phone, is_moved)

    def _payday(self, dice: random.Random, at: datetime) -> Iterator[Move]:
        """A firm pays its people within a quarter of an hour."""
        for payee in range(dice.randrange(4, 10)):
            amount = _cents(self.usual * dice.uniform(1.5, 3))
            yield Move(at + timedelta(minutes=2 * payee), self.number, amount, f"{self.number}-staff-{payee}")

    def _odd(self, dice: random.Random, start: datetime) -> Move:
        """Honest, and unlike the rest: a deposit for a flat, a second-hand car."""
        amount = _cents(min(self.usual * dice.uniform(8, 40), 9000))
        payee = f"{self.number}-once-{dice.randrange(10**6)}"
        return Move(start + dice.uniform(9, 20) * HOUR, self.number, amount, payee)


def _takeover(dice: random.Random, victim: _Person, at: datetime, case: str) -> Iterator[Move]:
    for number in range(dice.randrange(1, 4)):
        amount = _cents(min(max(victim.usual * dice.uniform(10, 40), 700), 4900))
        payee = f"thief-{case}-{number}"
        yield Move(at + number * HOUR / 4, victim.number, amount, payee, True, True, case=case)


def _burst(dice: random.Random, victim: _Person, at: datetime, case: str) -> Iterator[Move]:
    for number in range(dice.randrange(14, 30)):
        amount = _cents(dice.uniform(40, 150))
        yield Move(at + number * HOUR / 40, victim.number, amount, f"shop-{case}-{number}", case=case)


def _structuring(dice: random.Random, victim: _Person, at: datetime, case: str) -> Iterator[Move]:
    for number in range(dice.randrange(2, 5)):
        amount = _cents(dice.uniform(9050, 9990))
        yield Move(at + number * 5 * HOUR, victim.number, amount, f"partner-{case}", case=case)


def _mule(dice: random.Random, victim: _Person, at: datetime, case: str) -> Iterator[Move]:
    received = dice.uniform(2500, 8000)
    yield Move(at, victim.number, _cents(received), is_credit=True)
    parts = dice.randrange(1, 4)
    for number in range(parts):
        amount, later = _cents(received * 0.96 / parts), at + (number + 1) * HOUR
        yield Move(later, victim.number, amount, f"next-{case}-{number}", dice.random() < 0.5, False, case=case)


def _dormant(dice: random.Random, victim: _Person, at: datetime, case: str) -> Iterator[Move]:
    amount = _cents(dice.uniform(800, 6000))
    yield Move(at + HOUR * dice.randrange(24), victim.number, amount, f"heir-{case}", True, True, case=case)


def _large(dice: random.Random, victim: _Person, at: datetime, case: str) -> Iterator[Move]:
    yield Move(at, victim.number, _cents(dice.uniform(10_500, 60_000)), f"dealer-{case}", case=case)


_PLANTED = {
    "takeover": _takeover,
    "burst": _burst,
    "structuring": _structuring,
    "mule": _mule,
    "dormant": _dormant,
    "large": _large,
}


@dataclass(slots=True)
class _Ledger:
    """One account's past, from which facts are read as banking reads them from its tables."""

    sent: list[tuple[datetime, Decimal, str]] = field(default_factory=list)
    credits: list[tuple[datetime, Decimal]] = field(default_factory=list)

    def facts(self, move: Move) -> Facts:
        at, midnight = move.at, move.at.replace(hour=0, minute=0, second=0, microsecond=0)
        day = [amount for when, amount, _ in self.sent[-200:] if at - when < DAY]
        hour = [amount for when, amount, _ in self.sent[-200:] if at - when < HOUR]
        lately = [(amount, when) for when, amount, _ in self.sent[-HISTORY_MAX:] if at - when < HISTORY_DAYS * DAY]
        long_ago = at - 100 * DAY
        return Facts(
            at=at,
            user_id=move.account,
            account_id=str(move.account),
            account_number=f"{move.account:010}",
            opened_at=START - 400 * DAY,
            currency="USD",
            amount=move.amount,
            payee=move.payee,
            payee_count=sum(payee == move.payee for _, _, payee in self.sent),
            sent_today=sum((amount for when, amount, _ in self.sent[-200:] if when >= midnight), ZERO),
            count_1h=len(hour),
            sum_1h=sum(hour, ZERO),
            count_24h=len(day),
            sum_24h=sum(day, ZERO),
            amounts_24h=tuple(reversed(day[-RECENT_MAX:])),
            history=History.of(lately, time_zone="UTC"),
            received_24h=sum((amount for when, amount in self.credits if at - when < DAY), ZERO),
            last_sent_at=self.sent[-1][0] if self.sent else None,
            device_since=at if move.is_new_device else long_ago,
            address_since=at if move.is_new_address else long_ago,
        )


def _cents(amount: float) -> Decimal:
    return Decimal(max(round(amount * 100), 1)) / 100


def _poisson(dice: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count
