"""The verdict on a transfer, made and stored in the transaction that moves the money (ADR 0008).

It reads the version in force and the snoozes in one query, and writes one row, or with an alert a few more. It knows no
Redis, and locks nothing that others wait for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection

from backend.audit import services as audit
from backend.common.errors import Unavailable
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.fraud import rules as engine
from backend.fraud.facts import Facts, canonical, freeze, thaw
from backend.fraud.models import Assessment, FraudAlert, RuleSet
from backend.fraud.rules import Bands, Verdict
from backend.fraud.rulesets import Rules, parse
from backend.fraud.services.telling import tell_alert

_IN_FORCE = """
SELECT s.id, s.published_at, ARRAY(
    SELECT DISTINCT z.rule FROM fraud_snooze z
    WHERE z.ended_at IS NULL AND z.until > now()
        AND (z.user_id IS NULL OR z.user_id = %(user)s) AND (z.account_id = '' OR z.account_id = %(account)s)
    ORDER BY z.rule)
FROM fraud_ruleset s WHERE s.state = 'PUBLISHED'"""
_STORED = [field.attname for field in Assessment._meta.concrete_fields if not field.primary_key]
_PLACES = ", ".join(["%s"] * len(_STORED))
_COLUMNS = ", ".join(_STORED)
_STORE = f"INSERT INTO fraud_assessment ({_COLUMNS}) VALUES ({_PLACES}) RETURNING id"  # noqa: S608 - its columns


@dataclass(frozen=True, slots=True)
class Assessed:
    """What banking goes by. `codes` and `reasons` are for staff: whoever sends the money is not told why it waits."""

    assessment: Assessment
    score: int
    hold: bool
    alert: bool
    severity: str
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    alert_id: str | None = None
    hold_until: datetime | None = None


def assess(*, facts: Facts, subject_kind: str, subject_id: str) -> Assessed:
    """Judge a transfer by the rules in force, store the verdict with its frozen inputs, and open an alert if it takes
    one. Called in the transfer's unit of work, after its accounts were locked and the facts read.

    Raises: Unavailable when no rules are in force. Locks: nothing.
    After commit: `fraud.alert` to the desks of bank admins and auditors, if there is an alert.
    """
    with unit_of_work() as unit:
        rule_set_id, rules, snoozed = _in_force(facts)
        frozen = freeze(facts)
        judged = thaw(frozen)
        bands = bands_now()
        verdict = engine.evaluate(judged, rules, bands=bands, snoozed=snoozed)
        assessment = Assessment(
            at=judged.at,
            subject_kind=subject_kind,
            subject_id=subject_id,
            user_id=judged.user_id,
            account_id=judged.account_id,
            account_number=judged.account_number,
            currency=judged.currency,
            amount=judged.amount,
            rule_set_id=rule_set_id,
            engine=engine.ENGINE,
            score=verdict.score,
            is_alert=verdict.alert,
            is_held=verdict.hold,
            inputs=canonical(inputs_of(frozen, bands, snoozed)),
            verdict=canonical(verdict.as_json()),
        )
        _store(assessment)
        alert = _open_alert(unit, assessment, verdict) if verdict.alert else None
    spoke = [one for one in verdict.reasons if not one.is_snoozed]
    return Assessed(
        assessment=assessment,
        score=verdict.score,
        hold=verdict.hold,
        alert=verdict.alert,
        severity=verdict.severity,
        codes=tuple(one.code for one in spoke),
        reasons=tuple(one.words for one in spoke),
        alert_id=alert.alert_id if alert else None,
        hold_until=alert.hold_until if alert else None,
    )


def bands_now() -> Bands:
    return Bands(settings.FRAUD_ALERT_FROM, settings.FRAUD_HIGH_FROM, settings.FRAUD_HOLD_FROM)


def inputs_of(frozen: dict[str, Any], bands: Bands, snoozed: list[str]) -> dict[str, Any]:
    """Return everything that the verdict depends on but for the rules, whose version the row names."""
    return {
        "facts": frozen,
        "bands": {"alert": bands.alert, "high": bands.high, "hold": bands.hold},
        "snoozed": snoozed,
    }


def _in_force(facts: Facts) -> tuple[int, Rules, list[str]]:
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE, {"user": facts.user_id, "account": facts.account_id})
        found = cursor.fetchone()
    if found is None:
        raise Unavailable("No fraud rules are in force.")
    rule_set_id, published_at, snoozed = found
    return rule_set_id, _rules_of(rule_set_id, published_at), list(snoozed)


def _store(assessment: Assessment) -> None:
    """Insert a verdict, by a statement written once: every transfer makes one."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [getattr(assessment, name) for name in _STORED])
        (assessment.pk,) = cursor.fetchone()
    assessment._state.adding = False


@lru_cache(maxsize=16)
def _rules_of(rule_set_id: int, published_at: datetime) -> Rules:
    """Return a version's rules. Kept by the process: a published version never changes."""
    return parse(RuleSet.objects.values_list("rules", flat=True).get(pk=rule_set_id))


def _open_alert(unit: UnitOfWork, assessment: Assessment, verdict: Verdict) -> FraudAlert:
    now = datetime.now(UTC)
    spoke = [one for one in verdict.reasons if not one.is_snoozed]
    state = "held" if verdict.hold else "to be looked at"
    alert = FraudAlert.objects.create(
        alert_type=FraudAlert.Type.SUSPICIOUS_TRANSACTION,
        severity=verdict.severity,
        title=f"{assessment.subject_kind.capitalize()} of {assessment.amount} {assessment.currency} {state}",
        description=" ".join(one.words for one in spoke),
        risk_score=verdict.score,
        created_at=now,
        last_seen_at=now,
        user_id=assessment.user_id,
        assessment=assessment,
        subject_kind=assessment.subject_kind,
        subject_id=assessment.subject_id,
        account_number=assessment.account_number,
        currency=assessment.currency,
        amount=assessment.amount,
        is_held=verdict.hold,
        hold_until=now + timedelta(hours=settings.FRAUD_HOLD_HOURS) if verdict.hold else None,
    )
    facts = {"score": verdict.score, "codes": [one.code for one in spoke], "held": verdict.hold}
    audit.record(actor_id=None, action="fraud.alert_opened", target=alert, facts=facts, subject_id=assessment.user_id)
    tell_alert(unit, alert)
    return alert
