"""Reading alerts, rules and what was tried with them: for bank admins and auditors. Raise Forbidden for all others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from backend.common.errors import Forbidden
from backend.common.principal import AUDITOR, BANK_ADMIN, Principal
from backend.fraud.errors import AlertUnknown, DryRunUnknown, RuleSetUnknown
from backend.fraud.models import AlertNote, Assessment, DryRun, FraudAlert, RuleSet, Snooze
from backend.identity.models import User

NOTES_MAX = 200
# Written once, since each transfer asks: building it anew costs more than the answer.
_WHEREABOUTS = """
SELECT min(s.created_at) FILTER (WHERE s.user_agent = this.user_agent AND s.platform = this.platform),
    min(s.created_at) FILTER (WHERE s.ip_address = %(ip)s::inet)
FROM identity_session s LEFT JOIN identity_session this ON this.id = %(sid)s AND this.user_id = s.user_id
WHERE s.user_id = %(user)s"""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Since when a person signs in with this device and from this address; None for not before."""

    device_since: datetime | None
    address_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    status: str = ""
    severity: str = ""
    alert_type: str = ""
    assigned: str = ""
    label: str = ""
    is_held: bool | None = None
    user_id: int | None = None
    score_min: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def whereabouts(*, user_id: int, sid: str, ip: str | None) -> Whereabouts:
    """Return what the person's sessions tell of the one at hand (`sid`), by platform and agent, and of its address.

    One query. Sessions are kept for a month after they ended, so what was not used for longer is new again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WHEREABOUTS, {"user": user_id, "sid": sid, "ip": ip})
        return Whereabouts(*cursor.fetchone())


def require_reader(actor: Principal) -> None:
    if not actor.has_role(BANK_ADMIN, AUDITOR):
        raise Forbidden


def list_alerts(*, actor: Principal, wanted: AlertFilter) -> QuerySet[FraudAlert]:
    """Alerts but those about oneself, newest first (S2-R10). `assigned`: `me`, `nobody`, else all."""
    require_reader(actor)
    alerts = FraudAlert.objects.exclude(user_id=actor.id)
    equal = {"status": wanted.status, "severity": wanted.severity, "alert_type": wanted.alert_type}
    alerts = alerts.filter(**{name: value for name, value in {**equal, "label": wanted.label}.items() if value})
    now = datetime.now(UTC)
    if wanted.assigned == "me":
        alerts = alerts.filter(claimed_by_id=actor.id, claimed_until__gt=now)
    elif wanted.assigned == "nobody":
        alerts = alerts.filter(Q(claimed_by=None) | Q(claimed_until__lte=now), status__in=FraudAlert.UNDECIDED)
    for lookup, value in (
        ("is_held", wanted.is_held),
        ("user_id", wanted.user_id),
        ("risk_score__gte", wanted.score_min),
        ("created_at__gte", wanted.since),
        ("created_at__lt", wanted.until),
    ):
        if value is not None:
            alerts = alerts.filter(**{lookup: value})
    return alerts.order_by("-id")


def get_alert(*, actor: Principal, alert_id: str) -> FraudAlert:
    """Return an alert with what it rests on. One about oneself is not for oneself. Raises: Forbidden, AlertUnknown."""
    require_reader(actor)
    alerts = FraudAlert.objects.select_related("assessment__rule_set", "user").exclude(user_id=actor.id)
    found = alerts.filter(alert_id=alert_id).first()
    if found is None:
        raise AlertUnknown
    return found


def list_notes(*, actor: Principal, alert_id: str) -> Sequence[AlertNote]:
    """Return an alert's notes, newest first, at most 200. Raises: Forbidden, AlertUnknown."""
    alert = get_alert(actor=actor, alert_id=alert_id)
    return list(alert.notes.select_related("author").order_by("-id")[:NOTES_MAX])


def list_rule_sets(*, actor: Principal) -> QuerySet[RuleSet]:
    require_reader(actor)
    return RuleSet.objects.order_by("-version")


def get_rule_set(*, actor: Principal, version: int) -> RuleSet:
    """Raises: Forbidden, RuleSetUnknown."""
    require_reader(actor)
    found = RuleSet.objects.filter(version=version).first()
    if found is None:
        raise RuleSetUnknown
    return found


def list_snoozes(*, actor: Principal, only_open: bool) -> QuerySet[Snooze]:
    require_reader(actor)
    snoozes = Snooze.objects.order_by("-created_at", "id")
    return snoozes.filter(ended_at=None, until__gt=datetime.now(UTC)) if only_open else snoozes


def get_dry_run(*, actor: Principal, dry_run_id: UUID) -> DryRun:
    """Raises: Forbidden, DryRunUnknown."""
    require_reader(actor)
    found = DryRun.objects.select_related("rule_set").filter(pk=dry_run_id).first()
    if found is None:
        raise DryRunUnknown
    return found


def name_of(user_id: int) -> str:
    user = User.objects.only("first_name", "name", "email").filter(pk=user_id).first()
    return user.get_short_name() if user else ""


def risk_facts(user_id: int, *, now: datetime) -> dict[str, int]:
    """Return what a person's risk profile is derived from: one query."""
    year, quarter = now - timedelta(days=365), now - timedelta(days=90)
    mine = FraudAlert.objects.filter(user_id=user_id, created_at__gte=year).order_by()
    rows = mine.values_list("label", "status", "severity", "created_at")
    found = {"confirmed": 0, "grave_open": 0, "recent": 0}
    for label, status, severity, created_at in rows[:1000]:
        undecided = status in FraudAlert.UNDECIDED
        found["confirmed"] += label == FraudAlert.Label.TRUE_POSITIVE
        found["grave_open"] += undecided and severity != FraudAlert.Severity.MEDIUM
        found["recent"] += created_at >= quarter and label != FraudAlert.Label.FALSE_POSITIVE
    return found


def assessments_between(first: int, last: int, limit: int) -> Sequence[dict[str, Any]]:
    """Return verdicts with ids behind `first` up to `last`, oldest first: the raw material of replays and dry runs."""
    rows = Assessment.objects.filter(pk__gt=first, pk__lte=last).order_by("pk")
    names = ("id", "at", "subject_kind", "subject_id", "rule_set_id", "engine", "score", "is_alert", "is_held")
    return list(rows.values(*names, "amount", "currency", "inputs", "verdict")[:limit])
