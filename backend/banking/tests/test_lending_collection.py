"""What happens on due dates by itself, and how a loan is given up. The clock is passed in (issue 08, build 2)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.audit.models import AuditDetail, AuditLog
from backend.banking import facts, lending_tasks, verification
from backend.banking.errors import LoanUnknown, NotActive, ReasonMissing
from backend.banking.lending_errors import LoanStaffOnly, NotYetGivenUp, OwnLoan
from backend.banking.models import Account, Bank, LoanTerms, Repayment
from backend.banking.selectors import lending as selectors
from backend.banking.selectors.lending import BORROWER, standing_of
from backend.banking.services.lending import collecting, giving_up, repaying
from backend.banking.tests.factories import make_bank, move
from backend.banking.tests.lending_factories import (
    START,
    at_the_desk,
    heard,
    lend,
    make_admin,
    make_borrower,
    own_accounts,
    plan_of,
    refused,
    state_of,
)
from backend.identity.principals import principal_of
from backend.notifications.notices import notice_from
from backend.realtime.models import Event
from backend.tests.frames import check_notice_frame

pytestmark = pytest.mark.django_db

DUE = date(2026, 2, 15)
LATE = date(2026, 2, 21)  # Five days of grace.
GIVEN_UP = DUE + timedelta(days=90)


@pytest.fixture
def ana(make_user):
    return make_borrower(make_user)


@pytest.fixture
def loan(make_user, ana):
    """1,200 in three instalments of 408.03; the money is there."""
    return lend(make_user, ana, 1200, 3)


@pytest.fixture
def admin(make_user):
    return make_admin(make_user)


def run(day, hour=12):
    collecting.run(now=datetime(day.year, day.month, day.day, hour, tzinfo=UTC))


def spend(ana):
    move(ana.account, -ana.balance())


def told(user, kind):
    return [event.payload for event in Event.objects.filter(topic__key=f"user.{user.pk}", kind=kind).order_by("seq")]


def standing(loan, today):
    row = selectors.loan_row(loan.pk, *BORROWER)
    return standing_of(row, today)["standing"], standing_of(row, today)["days_overdue"]


def test_what_is_due_is_collected_once_when_the_money_is_there(ana, loan):
    run(DUE - timedelta(days=1))
    assert plan_of(loan)[0][-1] == "open"

    run(DUE)
    run(DUE)

    (repayment,) = Repayment.objects.filter(loan=loan)
    assert (repayment.is_automatic, repayment.on, str(repayment.payment.total_amount)) == (True, DUE, "408.03")
    assert (ana.balance(), [row[-1] for row in plan_of(loan)]) == (Decimal("791.97"), ["paid", "open", "open"])
    row = AuditLog.objects.get(action="loan.repaid")
    assert (row.actor_id, row.subject_id) == (None, ana.user.pk)


def test_a_day_begins_at_the_bank(ana, loan):
    """At 23:00 UTC of the 14th it is the 15th in Lisbon only in summer, and in Auckland all year."""
    Bank.objects.filter(pk=ana.bank.pk).update(time_zone="America/New_York")
    run(DUE, hour=4)
    assert state_of(loan) == ("active", "1200.00")
    Bank.objects.filter(pk=ana.bank.pk).update(time_zone="Pacific/Auckland")
    run(DUE - timedelta(days=1), hour=23)
    assert state_of(loan) == ("active", "803.97")


def test_every_instalment_that_is_due_is_collected_as_far_as_the_money_goes(ana, loan):
    run(date(2026, 3, 20))
    assert [row[-1] for row in plan_of(loan)] == ["paid", "paid", "open"]
    assert Repayment.objects.filter(loan=loan).count() == 2
    run(date(2026, 4, 15))
    assert (state_of(loan), ana.balance()) == (("active", "403.98"), Decimal("383.94"))
    move(ana.account, "24.08")
    run(date(2026, 4, 15))
    assert (state_of(loan), ana.balance()) == (("paid", "0.00"), 0)
    assert own_accounts(ana.bank)["interest_income"] == "24.08"


def test_a_cent_too_little_takes_nothing_and_is_told_once(ana, loan):
    move(ana.account, "-791.98")
    run(DUE)
    run(DUE)
    run(DUE + timedelta(days=1))
    assert (ana.balance(), state_of(loan)) == (Decimal("408.02"), ("active", "1200.00"))
    (notice,) = told(ana.user, "instalment.missed")
    assert (notice["amount"], notice["due_on"], notice["late_on"]) == ("408.03", "2026-02-15", "2026-02-21")
    move(ana.account, "0.01")
    run(DUE + timedelta(days=1))
    assert (ana.balance(), state_of(loan)) == (0, ("active", "803.97"))


@pytest.mark.parametrize("change", [{"status": "frozen"}, {"held": Decimal("791.98")}])
def test_what_is_frozen_or_held_is_not_collected(ana, loan, change):
    Account.objects.filter(pk=ana.account.pk).update(**change)
    run(DUE)
    assert state_of(loan) == ("active", "1200.00")
    assert len(told(ana.user, "instalment.missed")) == 1


def test_people_are_reminded_once_before_each_due_date(ana, loan):
    run(DUE - timedelta(days=4))
    assert told(ana.user, "instalment.due") == []
    for days in (3, 2, 1):
        run(DUE - timedelta(days=days))
    run(DUE)
    assert [notice["due_on"] for notice in told(ana.user, "instalment.due")] == ["2026-02-15"]
    run(date(2026, 3, 13))
    assert [notice["due_on"] for notice in told(ana.user, "instalment.due")] == ["2026-02-15", "2026-03-15"]


def test_late_is_said_to_person_and_desk_when_grace_is_over_and_again(ana, loan):
    spend(ana)
    run(DUE)
    run(LATE - timedelta(days=1))
    assert told(ana.user, "instalment.late") == []
    assert [standing(loan, day) for day in (START, DUE, LATE - timedelta(days=1), LATE)] == [
        ("current", 0),
        ("due", 0),
        ("due", 5),
        ("late", 6),
    ]

    run(LATE)
    run(LATE + timedelta(days=1))
    assert [notice["days_late"] for notice in told(ana.user, "instalment.late")] == [6]
    run(LATE + timedelta(days=30))
    assert [notice["days_late"] for notice in told(ana.user, "instalment.late")] == [6, 36]
    assert at_the_desk() == ["loan.applied", "loan.application_decided", "instalment.late", "instalment.late"]
    assert own_accounts(ana.bank)["interest_income"] == "0.00"  # Nothing is charged for being late.

    move(ana.account, "408.03")
    run(LATE + timedelta(days=31))  # The next one is late, too, by now.
    assert [notice["due_on"] for notice in told(ana.user, "instalment.late")][-1] == "2026-03-15"


def test_one_that_fails_keeps_no_other_waiting(ana, loan, make_user, monkeypatch):
    other = make_borrower(make_user)
    second = lend(make_user, other, 1200, 3)
    bad, good = sorted([(loan.pk, loan), (second.pk, second)])

    def fail(made):
        if made.entries[0].account.pk == bad[1].account_id:
            raise ZeroDivisionError

    monkeypatch.setattr(facts.posting_made, "_listeners", [fail])
    run(DUE)
    assert (state_of(bad[1]), state_of(good[1])) == (("active", "1200.00"), ("active", "803.97"))
    assert Repayment.objects.count() == 1
    monkeypatch.setattr(facts.posting_made, "_listeners", [])
    run(DUE)
    assert state_of(bad[1]) == ("active", "803.97")


def test_a_run_without_anything_to_do_costs_the_same_for_any_number_of_loans(ana, loan, make_user):
    def cost():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            run(START)
        return len(queries)

    before = cost()
    lend(make_user, make_borrower(make_user, user=make_user()), 1200, 3)
    assert cost() == before


def test_pages_of_loans_are_gone_through_to_the_end(ana, loan, make_user, monkeypatch):
    monkeypatch.setattr(collecting, "PAGE", 1)
    others = [lend(make_user, make_borrower(make_user), 1200, 3) for _ in range(2)]
    run(DUE)
    assert {state_of(one)[1] for one in (loan, *others)} == {"803.97"}


def test_the_clock_runs_it(ana, loan):
    """On its present day, on which all three are overdue and the money covers two."""
    lending_tasks.collect_instalments()
    assert Repayment.objects.filter(loan=loan, is_automatic=True).count() == 2


# Giving up


def test_giving_up_makes_the_principal_a_loss(ana, loan, admin):
    run(DUE)
    spend(ana)
    day = date(2026, 3, 15) + timedelta(days=90)

    giving_up.charge_off(actor=admin, loan_id=loan.pk, reason="Answers no letters.", today=day)

    assert state_of(loan) == ("charged_off", "0.00")
    assert own_accounts(ana.bank) == {
        "loans_receivable": "0.00",
        "interest_income": "12.00",
        "charge_off_loss": "-803.97",
    }
    assert [row[-1] for row in plan_of(loan)] == ["paid", "written_off", "written_off"]
    assert (LoanTerms.objects.get(pk=loan.pk).next_due_on, heard(ana.user)[-1]) == (None, "loan.decided")
    assert verification.prove().is_clean
    row = AuditLog.objects.get(action="loan.given_up")
    assert AuditDetail.objects.get(row_id=row.pk).values["new"]["reason"] == "Answers no letters."
    run(day + timedelta(days=1))
    with refused(NotActive):
        giving_up.charge_off(actor=admin, loan_id=loan.pk, reason="again", today=day)
    with refused(NotActive):
        repaying.pay_off(actor=ana.actor, loan_id=loan.pk, today=day)


def test_a_loan_is_given_up_when_its_terms_allow_and_by_the_banks_staff(ana, loan, admin, make_user):
    def give_up(actor, *, reason="gone", today=GIVEN_UP):
        giving_up.charge_off(actor=actor, loan_id=loan.pk, reason=reason, today=today)

    with refused(NotYetGivenUp) as caught:
        give_up(admin, today=GIVEN_UP - timedelta(days=1))
    assert caught.value.extra == {"possible_on": "2026-05-16"}
    with refused(ReasonMissing):
        give_up(admin, reason=" ")
    for user in (make_user(), make_user("AUDITOR"), make_user(is_staff=True, is_superuser=True)):
        with refused(LoanStaffOnly):
            give_up(principal_of(user))
    elsewhere = make_user()
    make_bank(manager=elsewhere)
    with refused(LoanUnknown):
        give_up(principal_of(elsewhere))
    Bank.objects.filter(pk=ana.bank.pk).update(manager=ana.user)
    with refused(OwnLoan):
        give_up(ana.actor)
    manager = make_user()
    Bank.objects.filter(pk=ana.bank.pk).update(manager=manager)
    give_up(principal_of(manager))
    assert state_of(loan)[0] == "charged_off"


# What is told


def test_every_notice_is_as_the_asyncapi_document_has_it_and_has_words(ana, loan):
    run(DUE - timedelta(days=2))
    run(DUE)
    spend(ana)
    run(date(2026, 3, 21))
    found = Event.objects.filter(kind__regex=r"^(loan|instalment)\.").select_related("topic")
    assert {event.kind for event in found} == {
        *("loan.applied", "loan.application_decided", "loan.decided", "loan.activated", "loan.repaid"),
        *("instalment.due", "instalment.missed", "instalment.late"),
    }
    for event in found:
        frame = {"topic": event.topic.key, "seq": event.seq, "kind": event.kind, "payload": event.payload}
        check_notice_frame({**frame, "timestamp": event.created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
        notice = notice_from(event.kind, event.payload)
        assert notice is not None
        assert all(notice.in_words())
