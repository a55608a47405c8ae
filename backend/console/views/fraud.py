"""Fraud: alerts as they come, what each rests on, the decision; and the rules with their dry runs."""

from datetime import UTC, datetime
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from backend.common.principal import BANK_ADMIN
from backend.console.pages import Page
from backend.console.views.lists import choice_in, page_by_id
from backend.console.words import fact, rule_words, word
from backend.fraud import selectors
from backend.fraud.models import FraudAlert
from backend.fraud.selectors import AlertFilter

SHOWN = ("undecided", "mine", "all")


class Alerts(Page):
    place = "fraud"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show("fraud.html", **self.found(request))

    def found(self, request: HttpRequest) -> dict[str, Any]:
        shown = choice_in(request, "shown", SHOWN) or "undecided"
        severity = choice_in(request, "severity", FraudAlert.Severity.values)
        wanted = AlertFilter(severity=severity, assigned="me" if shown == "mine" else "")
        alerts = selectors.list_alerts(actor=self.principal, wanted=wanted).select_related("claimed_by")
        if shown == "undecided":
            alerts = alerts.filter(status__in=FraudAlert.UNDECIDED)
        rows, more = page_by_id(request, alerts)
        return {
            "rows": rows,
            "more": more,
            "shown": shown,
            "choices": SHOWN,
            "severity": severity,
            "severities": FraudAlert.Severity.values,
            "query": request.GET.urlencode(),
            "now": datetime.now(UTC),  # A claim that is over is nobody's.
        }


class AlertList(Alerts):
    """The list alone, for htmx."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show("parts/alerts.html", **self.found(request))


class OneAlert(Page):
    place = "fraud"

    def get(self, request: HttpRequest, alert_id: str) -> HttpResponse:
        alert = selectors.get_alert(actor=self.principal, alert_id=alert_id)
        made = alert.assessment
        reasons = orjson.loads(made.verdict)["reasons"] if made else []
        facts = orjson.loads(made.inputs)["facts"] if made else {}
        return self.show(
            "fraud_alert.html", alert=alert, reasons=reasons, facts=_readable(facts), **state_of(self, alert)
        )


class State(Page):
    """Who has the alert, what was decided, its timeline and notes: follows the desk's notices."""

    place = "fraud"

    def get(self, request: HttpRequest, alert_id: str) -> HttpResponse:
        alert = selectors.get_alert(actor=self.principal, alert_id=alert_id)
        return self.show("parts/alert_state.html", alert=alert, **state_of(self, alert))


class Rules(Page):
    place = "fraud"

    def get(self, request: HttpRequest) -> HttpResponse:
        versions = list(selectors.list_rule_sets(actor=self.principal)[:50])
        snoozes = list(selectors.list_snoozes(actor=self.principal, only_open=True)[:50])
        return self.show("fraud_rules.html", versions=versions, snoozes=snoozes, decides=decides(self))


class OneRuleSet(Page):
    place = "fraud"

    def get(self, request: HttpRequest, version: int) -> HttpResponse:
        found = selectors.get_rule_set(actor=self.principal, version=version)
        runs = found.dry_runs.order_by("-asked_at")[:5]
        return self.show("fraud_rule_set.html", found=found, runs=runs, decides=decides(self), rule_words=rule_words())


def decides(page: Page) -> bool:
    return page.principal.has_role(BANK_ADMIN)


def state_of(page: Page, alert: FraudAlert) -> dict[str, Any]:
    """Return what changes while an alert is looked at."""
    me = page.principal.id
    # A claim is a lease: when its time is over the alert is anybody's again, though the row still names somebody.
    is_claimed = alert.claimed_until is not None and alert.claimed_until > datetime.now(UTC)
    return {
        "decides": decides(page),
        "has_it": is_claimed and alert.claimed_by_id == me,
        "is_claimed": is_claimed,
        "is_own_proposal": alert.proposed_by_id == me,
        "timeline": _timeline(alert),
        "notes": selectors.list_notes(actor=page.principal, alert_id=alert.alert_id),
        "labels": FraudAlert.Label.values,
    }


def _timeline(alert: FraudAlert) -> list[tuple[datetime, str, str]]:
    """Return what happened to the alert, oldest first."""
    ids = {alert.proposed_by_id, alert.decided_by_id} - {None}
    names: dict[int | None, str] = {pk: selectors.name_of(pk) for pk in ids if pk is not None}
    steps: list[tuple[datetime, str, str]] = [(alert.created_at, _("raised"), "")]
    if alert.repeats:
        steps.append((alert.last_seen_at, _("seen again"), f"{alert.repeats}×"))
    if alert.escalated_at:
        steps.append((alert.escalated_at, _("escalated"), _("nobody had taken it")))
    if alert.proposed_at:
        verdict = f"{word(alert.proposed_verdict)}: {alert.proposed_reason}"
        steps.append((alert.proposed_at, _("proposed"), f"{names.get(alert.proposed_by_id, '')} · {verdict}"))
    if alert.decided_at:
        who = names.get(alert.decided_by_id, "")
        steps.append((alert.decided_at, word(alert.status), f"{who} · {alert.reason}" if who else ""))
    return sorted(steps, key=lambda step: step[0])


def _readable(facts: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the facts by name, as far as anything is known; moments as such, so that they are shown in one's zone."""
    shown = []
    for name, value in facts.items():
        if value in (None, [], {}, ""):
            continue
        if name == "history":
            words = _("%(count)s transfers, median %(median)s, deviation %(mad)s")
            value = words % value if value["count"] else _("none")
        elif isinstance(value, bool):
            value = _("yes") if value else _("no")
        elif name.endswith("_at") or name.endswith("_since") or name == "at":
            value = datetime.fromisoformat(value)
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        shown.append((fact(name), value))
    return shown
