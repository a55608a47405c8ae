"""Verification: the queue, a person's documents side by side, the decision. What is pressed calls the API (kyc/api)."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from backend.console.pages import Page
from backend.console.views.lists import SIZE, choice_in
from backend.identity.models import User
from backend.kyc import selectors
from backend.kyc.models import Document

ASSIGNED = ("all", "me", "nobody")


class Cases(Page):
    place = "kyc"

    def get(self, request: HttpRequest) -> HttpResponse:
        numbers = selectors.statistics(actor=self.principal)
        return self.show("kyc.html", numbers=numbers, **self.found(request))

    def found(self, request: HttpRequest) -> dict[str, Any]:
        assigned = choice_in(request, "assigned", ASSIGNED) or "all"
        risk = choice_in(request, "risk", User.RiskProfile.values)
        cases = selectors.list_cases(actor=self.principal, assigned=assigned, risk=risk).select_related("assigned_to")
        found = list(cases[: SIZE + 1])
        documents = selectors.waiting_documents([case.user_id for case in found])
        return {
            "rows": [(case, documents.get(case.user_id, [])) for case in found[:SIZE]],
            "has_more": len(found) > SIZE,
            "assigned": assigned,
            "risk": risk,
            "choices": ASSIGNED,
            "risks": User.RiskProfile.values,
            "query": request.GET.urlencode(),
        }


class CaseList(Cases):
    """The queue alone, for htmx."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show("parts/cases.html", **self.found(request))


class OneCase(Page):
    place = "kyc"

    def get(self, request: HttpRequest, person_id: int) -> HttpResponse:
        case = selectors.get_open_case(actor=self.principal, user_id=person_id)
        documents = list(selectors.documents_of(actor=self.principal, user_id=person_id)[:20])
        pending = [one for one in documents if one.verification_status == Document.Status.PENDING]
        return self.show(
            "kyc_case.html",
            case=case,
            pending=pending,
            others=[one for one in documents if one not in pending],
            history=list(selectors.history_of(actor=self.principal, user_id=person_id)[:10]),
            types=Document.Type.values,
        )


class Lock(Page):
    """Who has the case, and what can be done about it now: follows the desk's notices."""

    place = "kyc"

    def get(self, request: HttpRequest, person_id: int) -> HttpResponse:
        cases = selectors.list_cases(actor=self.principal).filter(user_id=person_id)
        case = cases.select_related("assigned_to", "first_approved_by").first()
        last = selectors.history_of(actor=self.principal, user_id=person_id).select_related("decided_by").first()
        return self.show("parts/lock.html", case=case, last=last, types=Document.Type.values)
