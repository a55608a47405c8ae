"""Every verdict can be explained years later: a thousand of them, judged again, give the same bytes (ADR 0008)."""

import copy
import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from backend.fraud import rules as engine
from backend.fraud.facts import History, canonical, freeze, thaw
from backend.fraud.models import Assessment, RuleSet
from backend.fraud.rulesets import parse
from backend.fraud.services.assessing import bands_now, inputs_of
from backend.fraud.services.replaying import replay
from backend.fraud.shipped import VERSION_1
from backend.fraud.tests.made import NOON, facts, unfreeze

COUNT = 1000


def some_facts(dice: random.Random):
    def money(most: int) -> Decimal:
        return Decimal(dice.randrange(1, most)) / 100

    return facts(
        at=NOON + timedelta(seconds=dice.randrange(10**7), microseconds=dice.randrange(10**6)),
        time_zone=dice.choice(["UTC", "Europe/Lisbon", "America/New_York"]),
        amount=money(2_000_000),
        payee_count=dice.randrange(3),
        sent_today=money(3_000_000),
        count_1h=dice.randrange(25),
        sum_1h=money(1_000_000),
        count_24h=dice.randrange(90),
        sum_24h=money(3_000_000),
        amounts_24h=tuple(money(1_100_000) for _ in range(dice.randrange(6))),
        history=History(count=dice.randrange(100), median=money(10_000), mad=money(2_000)),
        received_24h=money(2_000_000),
        device_since=dice.choice([None, NOON - timedelta(hours=dice.randrange(60))]),
    )


def stored(count: int) -> None:
    """Verdicts by two versions, as `assess` stores them, but in bulk."""
    document = copy.deepcopy(VERSION_1)
    document["night"]["points"] = 33
    other = RuleSet.objects.create(version=2, state="RETIRED", rules=document, retired_at=datetime.now(UTC))
    versions = [(RuleSet.objects.get(version=1).pk, parse(VERSION_1)), (other.pk, parse(document))]
    dice, rows = random.Random(7), []
    for number in range(count):
        version, rules = versions[number % 2]
        snoozed = ["hour_count"] if number % 5 == 0 else []
        given = freeze(some_facts(dice))
        verdict = engine.evaluate(thaw(given), rules, bands=bands_now(), snoozed=snoozed)
        rows.append(
            Assessment(
                **{"at": NOON, "subject_kind": "transfer", "subject_id": str(number), "account_id": "a"},
                **{"account_number": "1", "currency": "USD", "amount": Decimal(given["amount"])},
                **{"rule_set_id": version, "engine": engine.ENGINE, "score": verdict.score},
                **{"is_alert": verdict.alert, "is_held": verdict.hold},
                inputs=canonical(inputs_of(given, bands_now(), snoozed)),
                verdict=canonical(verdict.as_json()),
            )
        )
    Assessment.objects.bulk_create(rows)


@pytest.mark.django_db
def test_a_thousand_verdicts_come_out_the_same_whatever_is_set_today(settings, capsys):
    """Issue 09: versions, bands and snoozes are those of then."""
    stored(COUNT)
    settings.FRAUD_ALERT_FROM = settings.FRAUD_HOLD_FROM = 1

    call_command("replay_verdicts", count=COUNT)

    assert capsys.readouterr().out == f"{COUNT} verdicts judged again, all the same.\n"
    assert (replay(count=3).seen, Assessment.objects.filter(is_held=True).count() > 100) == (3, True)


@pytest.mark.django_db
def test_a_verdict_that_comes_out_otherwise_is_named():
    """Somebody who may switch triggers off has changed one: bytes tell."""
    stored(5)
    changed = Assessment.objects.order_by("pk")[2].pk
    unfreeze()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE fraud_assessment SET verdict = replace(verdict, '\"score\":', '\"score\":1') WHERE id = %s",
            [changed],
        )

    assert replay(count=COUNT).differing == [changed]
    with pytest.raises(CommandError, match=str(changed)):
        call_command("replay_verdicts", count=COUNT)


def test_another_process_with_another_hash_seed_gives_the_same_bytes():
    """After a restart: no order of a set or dict, no process-wide setting gets in."""
    program = (
        "import random; from backend.fraud import rules; from backend.fraud.facts import canonical, freeze, thaw;"
        "from backend.fraud.rulesets import parse; from backend.fraud.shipped import VERSION_1;"
        "import json, sys;"
        "frozen = json.load(sys.stdin);"
        "r = parse(VERSION_1); b = rules.Bands(50, 75, 80);"
        "said = [rules.evaluate(thaw(one), r, bands=b, snoozed={'night', 'dormant'}).as_json() for one in frozen];"
        "print(canonical(said))"
    )
    dice = random.Random(11)
    frozen = [freeze(some_facts(dice)) for _ in range(50)]
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(frozen),
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(said) == 1
