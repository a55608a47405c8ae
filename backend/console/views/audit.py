"""The trail: searched, its seals, verified a stretch at a time, and taken along by auditors."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_date

from backend.audit import selectors
from backend.audit import services as audit
from backend.audit.actions import describe
from backend.audit.services import looking, patrolling
from backend.common.errors import Forbidden
from backend.common.principal import AUDITOR
from backend.common.unit_of_work import unit_of_work
from backend.console.pages import Page
from backend.console.views.lists import number_in, page_by_id, word_in
from backend.identity.models import User

STRETCH = 20_000


class Trail(Page):
    place = "audit"

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = {name: word_in(request, name) for name in ("action", "actor", "subject", "target", "from", "to")}
        rows = selectors.list_rows(
            action=asked["action"].lower(),
            user_id=number_in(request, "actor"),
            subject_id=number_in(request, "subject"),
            target=_target(asked["target"]),
            since=_moment(asked["from"]),
            until=_moment(asked["to"], days=1),
        )
        found, more = page_by_id(request, rows)
        people = _names({row.actor_id for row in found})
        shown = [(row, people.get(row.actor_id), _words(row)) for row in found]
        template = "parts/trail.html" if request.htmx else "audit.html"  # type: ignore[attr-defined]
        state: dict[str, Any] = {} if request.htmx else {"seal": selectors.seal_state()}  # type: ignore[attr-defined]
        return self.show(template, rows=shown, more=more, asked=asked, is_auditor=self._is_auditor, **state)

    @property
    def _is_auditor(self) -> bool:
        return self.principal.has_role(AUDITOR)


class OneRow(Page):
    """One row with its facts; to auditors with personal values, which is recorded."""

    place = "audit"

    def get(self, request: HttpRequest, log_id: UUID) -> HttpResponse:
        seen = looking.look(actor=self.principal, log_id=log_id, wants_values=self.principal.has_role(AUDITOR))
        values = seen.values or {}
        names = sorted({*values.get("old", {}), *values.get("new", {})})
        changes = [(name, values.get("old", {}).get(name), values.get("new", {}).get(name)) for name in names]
        return self.show("parts/trail_row.html", seen=seen, changes=changes, digest=seen.row.digest.hex())


class Verify(Page):
    """Verify the next stretch of the chain and its end, as the patrol does by the clock. Recorded."""

    place = "audit"

    def post(self, request: HttpRequest) -> HttpResponse:
        if not self.principal.has_role(AUDITOR):
            raise Forbidden
        findings = patrolling.run(stretch=STRETCH)
        with unit_of_work():
            facts = {"findings": len(findings), "stretch": STRETCH}
            audit.record(actor_id=self.principal.id, action="audit.verified", facts=facts)
        return self.show("parts/seal.html", seal=selectors.seal_state(), findings=findings[:20], is_auditor=True)


def _names(ids: set[int | None]) -> dict[int | None, User]:
    known = [pk for pk in ids if pk is not None]
    return dict(User.objects.filter(pk__in=known).only("email", "first_name", "name").in_bulk())


def _words(row: Any) -> str:
    return describe(row.action, row.target_type, row.target_id, row.facts.get("fields"))


def _target(text: str) -> tuple[str, str]:
    """`user 7` is a model and an id; either may be missing."""
    model, _, number = text.lower().partition(" ")
    return ("", model) if model.isdigit() else (model, number)


def _moment(text: str, *, days: int = 0) -> datetime | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return datetime.combine(day + timedelta(days=days), time(), UTC) if day and day.year < 9999 else None
