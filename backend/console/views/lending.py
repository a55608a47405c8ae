"""Loans that people ask for: the queue, one application with what speaks for and against it, a loan and its schedule.

Bank admins see those of every bank, managers those of theirs, auditors all to read. What is pressed calls the API
(banking/api/lending/desk.py).
"""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from backend.banking import amortisation
from backend.banking.amortisation import Conditions, DayCount, Method
from backend.banking.models import ApplicationStatus
from backend.banking.selectors import lending as selectors
from backend.banking.selectors.banks import ids_managed_by
from backend.banking.selectors.lending import APPLICANT, BORROWER
from backend.common.keysets import Row
from backend.common.principal import AUDITOR, BANK_ADMIN
from backend.console.pages import Page
from backend.console.views.lists import SIZE, choice_in, position_in, position_text

LOANS_MAX = 50
SHOWN = (*ApplicationStatus.values, "all")
BANK_ZONE = "bank__time_zone"


class Applications(Page):
    place = "lending"

    def get(self, request: HttpRequest) -> HttpResponse:
        running = selectors.list_running_loans(
            actor=self.principal, bank_id=None, late=False, after=None, limit=LOANS_MAX + 1
        )
        loans = [_with_standing(row) for row in running[:LOANS_MAX]]
        return self.show("lending.html", loans=loans, has_more_loans=len(running) > LOANS_MAX, **self.found(request))

    def found(self, request: HttpRequest) -> dict[str, Any]:
        shown = choice_in(request, "shown", SHOWN) or ApplicationStatus.SUBMITTED.value
        rows = selectors.list_desk_applications(
            actor=self.principal,
            bank_id=None,
            status="" if shown == "all" else shown,
            after=position_in(request.GET.get("cursor", "")),
            limit=SIZE + 1,
        )
        page = rows[:SIZE]
        more = position_text(page[-1]["created_at"], page[-1]["id"]) if len(rows) > SIZE else ""
        return {"rows": page, "more": more, "shown": shown, "choices": SHOWN, "query": request.GET.urlencode()}


class ApplicationList(Applications):
    """The list alone, for htmx."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show("parts/applications.html", **self.found(request))


class OneApplication(Page):
    """What was asked for, by whom, what the model says of it, and the plan that it would have."""

    place = "lending"

    def get(self, request: HttpRequest, application_id: UUID) -> HttpResponse:
        return self.show("lending_application.html", **self.found(application_id))

    def found(self, application_id: UUID) -> dict[str, Any]:
        found = selectors.desk_application(actor=self.principal, application_id=application_id, reading=True)
        row = selectors.application_row(application_id, *APPLICANT, BANK_ZONE)
        managed = ids_managed_by(self.principal.id)
        is_own = found.account.customer.user_id == self.principal.id
        return {
            "asked": row,
            "is_own": is_own,
            "decides": not is_own and (self.principal.has_role(BANK_ADMIN) or found.bank_id in managed),
            "reads_books": self.principal.has_role(AUDITOR) or found.bank_id in managed,
            "decider": found.decided_by.get_short_name() if found.decided_by else "",
            "plan": _plan_of(row) if row["status"] == ApplicationStatus.SUBMITTED else [],
            "is_lent": row["status"] == ApplicationStatus.APPROVED,
        }


class ApplicationState(OneApplication):
    """What became of it, and what can be done now: follows the desk's notices."""

    def get(self, request: HttpRequest, application_id: UUID) -> HttpResponse:
        return self.show("parts/application_state.html", **self.found(application_id))


class OneLoan(Page):
    """A loan that was paid out: how it stands, and its schedule."""

    place = "lending"

    def get(self, request: HttpRequest, loan_id: UUID) -> HttpResponse:
        loan = selectors.desk_loan(actor=self.principal, loan_id=loan_id, reading=True)
        row = _with_standing(selectors.loan_row(loan_id, *BORROWER))
        managed = ids_managed_by(self.principal.id)
        is_own = loan.account.customer.user_id == self.principal.id
        today = selectors.today_in(row[BANK_ZONE])
        end = row["may_be_charged_off_on"]
        return self.show(
            "lending_loan.html",
            loan=row,
            instalments=[_instalment(one, row) for one in selectors.instalments_of(loan_id)],
            reads_books=self.principal.has_role(AUDITOR) or loan.bank_id in managed,
            gives_up=not is_own
            and (self.principal.has_role(BANK_ADMIN) or loan.bank_id in managed)
            and end is not None
            and end <= today,
        )


def _with_standing(row: Row) -> Row:
    return {**row, **selectors.standing_of(row, selectors.today_in(row[BANK_ZONE]))}


def _instalment(row: Row, loan: Row) -> Row:
    overdue = (selectors.today_in(loan[BANK_ZONE]) - row["due_on"]).days
    state = row["state"]
    if state == "open":
        state = "late" if overdue > loan["grace_days"] else "due" if overdue >= 0 else "upcoming"
    return {**row, "state": state, "payment": row["principal"] + row["interest"]}


def _plan_of(row: Row) -> list[amortisation.Row]:
    """Return the schedule as it would be if the loan began today at its bank."""
    today = selectors.today_in(row[BANK_ZONE])
    conditions = Conditions(
        annual_rate=row["loan__terms__annual_rate"],
        method=Method(row["loan__terms__method"]),
        day_count=DayCount(row["loan__terms__day_count"]),
    )
    dues = amortisation.due_dates(today, row["loan__terms__months"])
    try:
        return amortisation.schedule(
            amount=row["loan__current_loan_amount"], conditions=conditions, start=today, dues=dues
        )
    except amortisation.Uneven:
        return []
