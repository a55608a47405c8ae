"""Judging again what was judged: the same bytes must come out, after a restart, a deployment, years (ADR 0008)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db.models import Max

from backend.fraud import rules as engine
from backend.fraud import selectors
from backend.fraud.facts import canonical, thaw
from backend.fraud.models import Assessment, RuleSet
from backend.fraud.rules import Bands, Verdict
from backend.fraud.rulesets import Rules, parse

STEP = 500
# The engines that have judged, by number; an older one stays here as long as a verdict of its is kept.
_ENGINES = {engine.ENGINE: engine.evaluate}


@dataclass(slots=True)
class Replay:
    seen: int = 0
    differing: list[int] = field(default_factory=list)


def judge(rules: Rules, inputs: str, *, number: int = engine.ENGINE) -> Verdict:
    """Return what these rules say of frozen inputs, with the bands and snoozes of then."""
    given: dict[str, Any] = orjson.loads(inputs)
    return _ENGINES[number](
        thaw(given["facts"]), rules, bands=Bands(**given["bands"]), snoozed=frozenset(given["snoozed"])
    )


def replay(*, count: int) -> Replay:
    """Judge the newest `count` stored verdicts again by their own versions, and return which came out otherwise."""
    last = Assessment.objects.aggregate(last=Max("pk"))["last"] or 0
    first = Assessment.objects.order_by("-pk").values_list("pk", flat=True)[max(count - 1, 0) : count].first()
    found, rules, after = Replay(), dict[int, Rules](), (first or 1) - 1
    while rows := selectors.assessments_between(after, last, STEP):
        for row in rows:
            found.seen += 1
            if not _is_the_same(row, rules):
                found.differing.append(row["id"])
        after = rows[-1]["id"]
    return found


def _is_the_same(row: Mapping[str, Any], known: dict[int, Rules]) -> bool:
    version = row["rule_set_id"]
    if version not in known:
        known[version] = parse(RuleSet.objects.values_list("rules", flat=True).get(pk=version))
    return canonical(judge(known[version], row["inputs"], number=row["engine"]).as_json()) == row["verdict"]
