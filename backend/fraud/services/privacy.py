"""What a person's rights mean here. Verdicts are bank records: they hold numbers and amounts, no name and no address,
and stay. What reviewers wrote in their own words about an erased person goes."""

from collections.abc import Iterator
from typing import Any

from backend.common import hooks
from backend.fraud.models import AlertNote, Assessment, FraudAlert, Snooze

ERASED = "[erased]"


def block_leaving(leaving: hooks.Leaving) -> None:
    """Whose money waits for a decision cannot go yet."""
    waiting = FraudAlert.objects.filter(user_id=leaving.user_id, is_held=True, status__in=FraudAlert.UNDECIDED)
    if waiting.exists():
        leaving.block("A transfer of yours is still being checked.")


def erase_person(erasure: hooks.Erasure) -> None:
    """Take away the words about them: notes, reasons. What was judged and decided, by whom and when, stays."""
    about = FraudAlert.objects.filter(user_id=erasure.user_id)
    AlertNote.objects.filter(alert__in=about).update(text=ERASED)
    about.exclude(reason="").update(reason=ERASED)
    about.exclude(proposed_reason="").update(proposed_reason=ERASED)
    Snooze.objects.filter(user_id=erasure.user_id).update(reason=ERASED)


def export_person(export: hooks.Export) -> None:
    """Add what was judged about the person and how it ended, and the notes that they wrote as a reviewer.

    What is still being looked at is left out until it is decided: to tell of it would warn whom it is about.
    """
    export.add("fraud/assessments.json", _assessments(export.user_id))
    export.add("fraud/alerts.json", _alerts(export.user_id))
    notes = AlertNote.objects.filter(author_id=export.user_id).order_by("pk").select_related("alert")
    export.add("fraud/notes.json", ({"alert_id": n.alert.alert_id, "text": n.text, "at": n.created_at} for n in notes))


def _assessments(user_id: int) -> Iterator[dict[str, Any]]:
    undecided = FraudAlert.objects.filter(user_id=user_id, status__in=FraudAlert.UNDECIDED, assessment__isnull=False)
    rows = Assessment.objects.filter(user_id=user_id).exclude(pk__in=undecided.values("assessment_id")).order_by("pk")
    names = ("at", "subject_kind", "subject_id", "account_number", "amount", "currency", "score", "is_held")
    yield from rows.values(*names).iterator(chunk_size=1000)


def _alerts(user_id: int) -> Iterator[dict[str, Any]]:
    rows = FraudAlert.objects.filter(user_id=user_id).exclude(status__in=FraudAlert.UNDECIDED).order_by("pk")
    names = ("alert_id", "alert_type", "severity", "status", "title", "created_at", "decided_at", "label")
    yield from rows.values(*names).iterator(chunk_size=1000)
