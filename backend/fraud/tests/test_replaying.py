"""Every verdict can be explained years later: a thousand of them, judged again, give the same bytes (ADR 0008)."""

import copy
import os
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
from backend.tests.servers import ROOT, database_url

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


def test_after_a_restart_a_thousand_stored_verdicts_give_the_same_bytes(committed):
    """Issue 09: by a process that never saw them, with another order of sets and another band set today."""
    stored(COUNT)
    told = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "djangocrud.settings_test",
        "DATABASE_URL": database_url(committed),
        "FRAUD_ALERT_FROM": "7",
        "PYTHONHASHSEED": "1",
    }
    command = [sys.executable, "manage.py", "replay_verdicts", "--count", str(COUNT)]

    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)

    assert (done.stdout, done.returncode) == (f"{COUNT} verdicts judged again, all the same.\n", 0), done.stderr
