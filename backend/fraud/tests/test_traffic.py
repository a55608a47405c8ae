"""How well the shipped rules find planted fraud (issue 09; the bench holds the figures)."""

import pytest
from django.core.management import CommandError, call_command

from backend.fraud.rules import Bands
from backend.fraud.rulesets import parse
from backend.fraud.shipped import VERSION_1
from backend.fraud.traffic import SCENARIOS, generate, measure

SMALL = {"accounts": 60, "days": 40, "cases": 18}


def test_the_same_seed_makes_the_same_traffic_and_another_does_not():
    assert generate(seed=3, **SMALL) == generate(seed=3, **SMALL)
    assert generate(seed=3, **SMALL) != generate(seed=4, **SMALL)


def test_every_kind_of_attack_is_found_and_most_transfers_pass():
    found = measure(parse(VERSION_1), generate(seed=5, **SMALL), bands=Bands(50, 75, 80))

    assert set(found.recall_by_scenario()) == set(SCENARIOS)
    assert found.recall >= 0.9
    assert found.precision >= 0.6
    assert (found.transfers > 1000, found.alert_rate < 0.15, found.planted > 18) == (True, True, True)


def test_rules_that_see_nothing_find_nothing():
    """The measure itself can fail."""
    found = measure(parse(VERSION_1), generate(seed=5, **SMALL), bands=Bands(101, 101, 101))

    assert (found.recall, found.alerts, found.precision) == (0.0, 0, 0.0)


@pytest.mark.django_db
def test_the_command_prints_how_a_version_does(capsys):
    call_command("generate_fraud_traffic", accounts=20, days=10, cases=6)

    said = capsys.readouterr().out
    assert [word in said for word in ("precision", "recall", "takeover", "structuring")] == [True] * 4
    with pytest.raises(CommandError):
        call_command("generate_fraud_traffic", rules=99)
