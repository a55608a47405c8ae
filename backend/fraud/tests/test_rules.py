"""The fixed rules: what each sees, what it leaves alone, and that the same facts give the same bytes (ADR 0008)."""

import copy
import importlib
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, getcontext, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.fraud.facts import Facts, History, canonical, freeze, thaw
from backend.fraud.rules import Bands, evaluate
from backend.fraud.rulesets import CODES, parse
from backend.fraud.shipped import VERSION_1
from backend.fraud.tests.made import NOON, facts

BANDS = Bands(50, 75, 80)
RULES = parse(VERSION_1)
D = Decimal


def judged(given_facts: Facts, **more):
    return evaluate(thaw(freeze(given_facts)), more.pop("rules", RULES), bands=BANDS, **more)


def points(given_facts: Facts) -> dict[str, int]:
    return {one.code: one.points for one in judged(given_facts).reasons}


def test_the_shipped_rules_are_what_the_migration_stores():
    migration = importlib.import_module("backend.fraud.migrations.0003_ship_rules")

    assert migration.VERSION_1 == VERSION_1
    assert parse(VERSION_1).model_dump(mode="json") == VERSION_1


def test_an_ordinary_transfer_is_nobodys_business():
    verdict = judged(facts())

    assert (verdict.score, verdict.alert, verdict.hold, verdict.severity, verdict.reasons) == (0, False, False, "", ())


HOUR, DAY, MICROSECOND = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)
OLD = History(count=20, median=D("45.00"), mad=D("12.00"), hours=(0,) * 12 + (20,) + (0,) * 11)


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        # Exactly at a threshold is below it; one cent, one transfer, one hour more is above.
        ("transfer_amount", {"amount": D("5000.00")}, 0),
        ("transfer_amount", {"amount": D("5000.01")}, 20),
        ("transfer_amount", {"amount": D("10000.01")}, 80),
        ("daily_amount", {"sent_today": D("24960.00")}, 25),
        ("daily_amount", {"sent_today": D("24960.01")}, 85),
        ("hour_count", {"count_1h": 9}, 0),
        ("hour_count", {"count_1h": 10}, 50),
        ("hour_count", {"count_1h": 20}, 80),
        ("hour_amount", {"sum_1h": D("7960.00")}, 0),
        ("hour_amount", {"sum_1h": D("7960.01")}, 15),
        ("day_count", {"count_24h": 39}, 0),
        ("day_count", {"count_24h": 40}, 50),
        ("day_amount", {"sum_24h": D("29960.01")}, 80),
        # 0.6745 * (x - 45) / 12: 3.5 robust deviations are 107.27 above the median; below 300 nothing is unusual.
        ("unusual_amount", {"amount": D("299.99")}, 0),
        ("unusual_amount", {"amount": D("300.00")}, 25),
        ("unusual_amount", {"amount": D("500.00")}, 30),
        ("unusual_amount", {"amount": D("500.00"), "history": replace(OLD, count=7)}, 0),
        # An account that always sends the same: its spread counts as 10.
        ("unusual_amount", {"amount": D("300.00"), "history": replace(OLD, median=D("250.00"), mad=D("0.00"))}, 0),
        ("new_payee", {"payee_count": 0}, 5),
        ("new_payee", {"payee_count": 0, "amount": D("1000.01")}, 15),
        ("new_payee", {"payee_count": 0, "payee_is_own": True, "amount": D("1000.01")}, 0),
        ("new_device", {"device_since": NOON - 24 * HOUR}, 0),
        ("new_device", {"device_since": NOON - 23 * HOUR}, 20),
        ("new_device", {"device_since": None}, 20),
        ("new_device", {"device_since": None, "is_attended": False}, 0),
        ("new_address", {"address_since": None}, 10),
        ("night", {"hour": 4}, 10),
        ("night", {"hour": 5}, 0),
        ("night", {"hour": 4, "is_attended": False}, 0),
        ("night", {"hour": 4, "history": replace(OLD, hours=(0, 10, 0, 0, 0) + (0,) * 19)}, 0),
        # Just below the limit once is chance, twice is not; at the limit counts, a tenth below counts, less does not.
        ("structuring", {"amount": D("9500.00")}, 0),
        ("structuring", {"amount": D("9500.00"), "amounts_24h": (D("9000.00"),)}, 40),
        ("structuring", {"amount": D("10000.00"), "amounts_24h": (D("9000.00"), D("9999.99"))}, 80),
        ("structuring", {"amount": D("9500.00"), "amounts_24h": (D("8999.99"), D("10000.01"))}, 0),
        ("structuring", {"amount": D("40.00"), "amounts_24h": (D("9500.00"),) * 5}, 0),
        ("dormant", {"amount": D("500.01"), "last_sent_at": NOON - 90 * DAY}, 30),
        ("dormant", {"amount": D("500.00"), "last_sent_at": NOON - 90 * DAY}, 0),
        ("dormant", {"amount": D("500.01"), "last_sent_at": NOON - 89 * DAY}, 0),
        ("dormant", {"amount": D("500.01"), "last_sent_at": None}, 30),
        ("dormant", {"amount": D("500.01"), "last_sent_at": None, "opened_at": NOON - 2 * DAY}, 0),
        ("in_and_out", {"received_24h": D("1000.01"), "sum_24h": D("760.00")}, 0),
        ("in_and_out", {"received_24h": D("1000.01"), "sum_24h": D("761.00")}, 25),
        ("in_and_out", {"received_24h": D("1000.01"), "sum_24h": D("911.00")}, 30),
        ("in_and_out", {"received_24h": D("1000.00"), "sum_24h": D("911.00")}, 0),
    ],
)
def test_each_rule_sees_what_it_is_for(code, changes, expected):
    """S2-B29: per-transfer and daily limits, pattern analysis, and where exactly they begin."""
    assert points(facts(**changes)).get(code, 0) == expected


def test_a_small_transfer_from_a_new_phone_by_night_to_somebody_new_is_not_stopped():
    small = facts(device_since=None, address_since=None, hour=3, payee_count=0)

    assert judged(small).score == 45


def test_the_night_is_the_banks():
    at = datetime(2026, 3, 4, 19, 30, tzinfo=UTC)

    assert "night" not in points(facts(at=at, time_zone="UTC"))
    assert points(facts(at=at, time_zone="Asia/Kolkata"))["night"] == 10  # half past one there


def test_points_add_up_to_a_hundred_and_bands_say_what_follows():
    """S2-M9: HIGH from 75, held from 80."""
    medium = judged(facts(count_1h=10))
    high = judged(facts(count_1h=10, address_since=None, payee_count=0, amount=D("1000.01"), history=History()))
    everything = judged(facts(count_1h=30, amount=D("20000.00"), payee_count=0))

    assert (medium.score, medium.alert, medium.hold, medium.severity) == (50, True, False, "MEDIUM")
    assert (high.score, high.alert, high.hold, high.severity) == (75, True, False, "HIGH")
    assert (everything.score, everything.hold, everything.severity) == (100, True, "HIGH")


def test_a_snoozed_rule_adds_nothing_and_is_told():
    verdict = judged(facts(count_1h=30), snoozed={"hour_count"})

    assert (verdict.score, verdict.hold) == (0, False)
    assert [(one.code, one.points, one.is_snoozed) for one in verdict.reasons] == [("hour_count", 0, True)]


def test_thresholds_are_by_currency():
    document = copy.deepcopy(VERSION_1)
    document["transfer_amount"]["steps"] = [{"over": {"*": "100.00", "JPY": "900000.00"}, "points": 80}]
    rules = parse(document)

    assert judged(facts(amount=D("101.00")), rules=rules).hold
    assert not judged(facts(amount=D("101.00"), currency="JPY"), rules=rules).hold


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("night",), None, "night"),
        (("new_rule",), {}, "new_rule"),
        (("night", "points"), 101, "night.points"),
        (("night", "points"), "10", "night.points"),
        (("night", "from_hour"), 24, "night.from_hour"),
        (("transfer_amount", "steps"), [], "transfer_amount.steps"),
        (("hour_count", "steps"), [{"over": 5, "points": 9}, {"over": 5, "points": 10}], "hour_count.steps"),
        (("hour_count", "steps"), [{"over": 5, "points": 9}, {"over": 6, "points": 8}], "hour_count.steps"),
        (("hour_count", "steps", 0, "over"), -1, "hour_count.steps.0.over"),
        (("dormant", "over"), {"USD": "1.00"}, "dormant.over"),
        (("dormant", "over"), {"*": "1.001"}, "dormant.over"),
        (("dormant", "over"), {"*": "-1"}, "dormant.over"),
        (("dormant", "over"), {"*": "NaN"}, "dormant.over"),
        (("dormant", "over"), {"*": "1", "usd": "1"}, "dormant.over"),
    ],
)
def test_rules_that_could_not_run_are_refused_where_they_are_wrong(path, value, named):
    document = copy.deepcopy(VERSION_1)
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value

    with pytest.raises(ValueError, match=named.replace(".", r"\.")):
        parse(document)


amounts = st.decimals(min_value="0.01", max_value="99999999.99", places=2)
moments = st.integers(0, 7_000_000_000_000_000).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + us * MICROSECOND)
any_facts = st.builds(
    Facts,
    at=moments,
    time_zone=st.sampled_from(["UTC", "Europe/Lisbon", "Asia/Kathmandu"]),
    user_id=st.none() | st.integers(1, 2**62),
    account_id=st.text(max_size=20),
    account_number=st.text(max_size=20),
    opened_at=moments,
    currency=st.sampled_from(["USD", "EUR"]),
    amount=amounts,
    payee=st.text(max_size=20),
    payee_count=st.integers(0, 5),
    payee_is_own=st.booleans(),
    sent_today=amounts,
    count_1h=st.integers(0, 99),
    sum_1h=amounts,
    count_24h=st.integers(0, 99),
    sum_24h=amounts,
    amounts_24h=st.lists(amounts, max_size=60).map(tuple),
    history=st.builds(
        lambda pairs: History.of(pairs, time_zone="UTC"), st.lists(st.tuples(amounts, moments), max_size=30)
    ),
    received_24h=amounts,
    last_sent_at=st.none() | moments,
    is_attended=st.booleans(),
    device_since=st.none() | moments,
    address_since=st.none() | moments,
)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(any_facts)
def test_the_same_facts_give_the_same_bytes(some):
    """Whatever the facts, and whatever else in the process calculates with decimals."""
    frozen = canonical(freeze(some))
    once = canonical(judged(some).as_json())
    with localcontext() as other:
        other.prec, other.rounding = 5, "ROUND_UP"
        again = canonical(judged(thaw(freeze(some))).as_json())

    assert (canonical(freeze(thaw(freeze(some)))), again) == (frozen, once)
    assert getcontext().prec == 28


def test_every_fact_is_frozen_and_every_rule_has_settings():
    assert set(freeze(facts())) == {field.name for field in fields(Facts)}
    assert set(VERSION_1) == set(CODES)


def test_history_is_robust_against_one_large_amount():
    """The median and the median distance from it do not move for an outlier; a mean would."""
    usual = [(D("40.00"), NOON), (D("50.00"), NOON), (D("60.00"), NOON), (D("45.50"), NOON)]

    quiet = History.of(usual, time_zone="UTC")
    loud = History.of([*usual, (D("90000.00"), NOON)], time_zone="UTC")

    assert (quiet.count, quiet.median, quiet.mad, quiet.hours[12]) == (4, D("47.75"), D("5.00"), 4)
    assert (loud.median, loud.mad) == (D("50.00"), D("10.00"))
    assert History.of([], time_zone="UTC") == History()
