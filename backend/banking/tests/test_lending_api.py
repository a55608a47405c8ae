"""Lending by REST: the journey of issue 08, lists at one cost, bad bodies, keys."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.banking import verification
from backend.banking.amortisation import Conditions, DayCount, Method, due_dates, interest_for
from backend.banking.models import Bank, LoanApplication
from backend.banking.services.lending import collecting
from backend.banking.tests.factories import make_account
from backend.banking.tests.lending_factories import (
    START,
    apply,
    customer_of,
    lend,
    lending_stored,
    make_borrower,
    make_product,
    state_of,
)

pytestmark = pytest.mark.django_db

PEOPLE, DESK = "/api/lending", "/api/lending/desk"


@pytest.fixture
def ana(make_user):
    return make_borrower(make_user, balance=100)


@pytest.fixture
def as_ana(ana, client_of):
    return client_of(ana.user)


@pytest.fixture
def as_admin(make_user, client_of):
    return client_of(make_user("BANK_ADMIN"))


def asked(ana, **more):
    return {
        "account": str(ana.account.pk),
        "product": str(ana.product.pk),
        "amount": "1200.00",
        "months": 12,
        "purpose": "Buy a Car",
        **more,
    }


def post(client, path, body=None, key=None):
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(path, body, format="json", **headers)


def first_interest(balance):
    """Of a loan that begins today, at 12 % (30E/360): a month's, or less where it begins behind the 28th."""
    today = datetime.now(UTC).date()
    terms = Conditions(annual_rate=Decimal(12), method=Method.ANNUITY, day_count=DayCount.THIRTY_360)
    return str(interest_for(Decimal(balance), terms, today, due_dates(today, 1)[0]))


def test_the_journey_apply_approve_repay_early(ana, as_ana, as_admin):
    (product,) = as_ana.get(f"{PEOPLE}/products/?bank={ana.bank.pk}").json()["results"]
    quote = as_ana.get(f"{PEOPLE}/products/{product['id']}/quote/?amount=1200.00&months=12").json()
    assert (quote["annual_rate"], len(quote["instalments"])) == ("12.0000", 12)
    assert quote["instalments"][0]["interest"] == first_interest("1200.00")
    assert Decimal(quote["total"]) == sum(Decimal(one["payment"]) for one in quote["instalments"])

    key = uuid.uuid4().hex
    applied = post(as_ana, f"{PEOPLE}/applications/", asked(ana), key)
    again = post(as_ana, f"{PEOPLE}/applications/", asked(ana), key)
    assert (applied.status_code, again.json(), again["Idempotent-Replayed"]) == (201, applied.json(), "true")
    (waiting,) = as_admin.get(f"{DESK}/applications/?status=submitted").json()["results"]
    assert (waiting["id"], waiting["applicant"]["name"]) == (applied.json()["id"], "Ana Silva")
    assert (waiting["score"]["risk_band"] in {"LOW", "MEDIUM", "HIGH"}, len(waiting["score"]["reasons"])) == (True, 5)
    assert "score" not in applied.json()

    approved = post(as_admin, f"{DESK}/applications/{waiting['id']}/approve/", key=key)
    post(as_admin, f"{DESK}/applications/{waiting['id']}/approve/", key=key)
    assert (approved.json()["status"], ana.balance()) == ("approved", 1300)
    loan_id = as_ana.get(f"{PEOPLE}/applications/{waiting['id']}/").json()["loan"]
    loan = as_ana.get(f"{PEOPLE}/loans/{loan_id}/").json()
    assert (loan["standing"], loan["outstanding"], loan["apr"]) == ("current", "1200.00", quote["apr"])
    assert loan["totals"]["principal"] == "1200.00"
    assert {one["state"] for one in loan["instalments"]} == {"upcoming"}
    assert Decimal(quote["total"]) == Decimal(loan["totals"]["payment"])

    repay_early_and_pay_off(ana, as_ana, loan_id, key)


def repay_early_and_pay_off(ana, as_ana, loan_id, key):
    """The second half of the journey: a part, an instalment, the rest."""
    repayments = f"{PEOPLE}/loans/{loan_id}/repayments/"
    early = {"kind": "early", "amount": "500.00", "effect": "shorter_term"}
    first, replayed = post(as_ana, repayments, early, key), post(as_ana, repayments, early, key)
    assert (first.status_code, replayed.json(), ana.balance()) == (201, first.json(), 800)
    other = post(as_ana, repayments, {**early, "amount": "501.00"}, key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")
    assert len(as_ana.get(f"{PEOPLE}/loans/{loan_id}/").json()["instalments"]) == 7
    paid = post(as_ana, repayments, {"kind": "instalment", "number": 1}).json()
    assert paid["interest"] == first_interest("700.00")

    payoff = as_ana.get(f"{PEOPLE}/loans/{loan_id}/payoff/").json()
    assert (payoff["due_interest"], payoff["accrued_interest"]) == ("0.00", "0.00")
    done = post(as_ana, repayments, {"kind": "payoff", "amount": payoff["total"]})
    assert (done.status_code, done.json()["outstanding"]) == (201, "0.00")
    loan = as_ana.get(f"{PEOPLE}/loans/{loan_id}/").json()
    assert (loan["state"], loan["standing"], loan["next_due_on"]) == ("paid", None, None)
    assert [one["state"] for one in loan["instalments"]] == ["paid"]
    kinds = [one["kind"] for one in as_ana.get(repayments).json()["results"]]
    assert kinds == ["payoff", "instalment", "early"]
    assert (ana.balance(), verification.prove().is_clean) == (100 - Decimal(paid["interest"]), True)


def test_a_loan_paid_to_its_end_by_the_clock(ana, make_user, as_ana):
    loan = lend(make_user, ana, 1200, 12, method="equal_principal")
    days = due_dates(START, 12)
    for day in days[:11]:
        collecting.run(now=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    shown = as_ana.get(f"{PEOPLE}/loans/{loan.pk}/").json()
    assert [one["paid_on"] for one in shown["instalments"]] == [*map(str, days[:11]), None]
    assert [one["interest"] for one in shown["instalments"]] == [f"{interest}.00" for interest in range(12, 0, -1)]
    # Beside what was lent there were 100.00; 12 + 11 + ... + 2 of interest are paid.
    assert (state_of(loan), ana.balance()) == (("active", "100.00"), Decimal("123.00"))
    collecting.run(now=datetime(2027, 1, 16, 12, tzinfo=UTC))
    assert (state_of(loan), ana.balance()) == (("paid", "0.00"), Decimal("22.00"))


def test_managers_see_and_decide_their_own_banks(ana, make_user, client_of):
    manager, other = make_user(), make_user()
    Bank.objects.filter(pk=ana.bank.pk).update(manager=manager)
    elsewhere = make_borrower(make_user)
    Bank.objects.filter(pk=elsewhere.bank.pk).update(manager=other)
    application, second = apply(ana), apply(elsewhere)
    as_manager = client_of(manager)

    assert [one["id"] for one in as_manager.get(f"{DESK}/applications/").json()["results"]] == [str(application.pk)]
    assert as_manager.get(f"{DESK}/applications/?bank={elsewhere.bank.pk}").json()["results"] == []
    assert as_manager.get(f"{DESK}/applications/{second.pk}/").status_code == 404
    assert post(as_manager, f"{DESK}/applications/{second.pk}/approve/").status_code == 404
    assert post(as_manager, f"{DESK}/applications/{application.pk}/approve/").json()["status"] == "approved"
    (running,) = as_manager.get(f"{DESK}/loans/").json()["results"]
    assert (running["borrower"]["name"], running["standing"]) == ("Ana Silva", "current")
    assert as_manager.get(f"{DESK}/loans/{running['id']}/").json()["totals"]["principal"] == "1200.00"

    made = post(
        as_manager,
        f"{DESK}/products/",
        {
            "bank": str(ana.bank.pk),
            "name": "Car loan",
            "annual_rate": "5.49",
            "amount_min": "1000",
            "amount_max": "50000",
            "months_max": 84,
        },
    ).json()
    assert (made["currency"], made["annual_rate"], made["day_count"], made["is_open"]) == (
        "USD",
        "5.4900",
        "30E/360",
        True,
    )
    refused = post(as_manager, f"{DESK}/products/", {**made, "bank": str(elsewhere.bank.pk)})
    assert (refused.status_code, refused.json()["code"]) == (404, "bank.unknown")
    closed = as_manager.patch(f"{DESK}/products/{made['id']}/", {"is_open": False}, format="json")
    assert closed.json()["is_open"] is False
    uneven = as_manager.patch(f"{DESK}/products/{made['id']}/", {"amount_max": "10.00"}, format="json")
    assert (uneven.status_code, uneven.json()["code"]) == (422, "loan_product.uneven")
    assert as_manager.patch(f"{DESK}/products/{elsewhere.product.pk}/", {}, format="json").status_code == 404
    offered = [one["id"] for one in as_manager.get(f"{PEOPLE}/products/?bank={ana.bank.pk}").json()["results"]]
    assert offered == [str(ana.product.pk)]
    assert len(as_manager.get(f"{DESK}/products/").json()["results"]) == 2


def test_what_an_empty_bank_offers_goes_with_it_and_what_is_lent_keeps_it(ana, make_user, client_of):
    manager, other = make_user(), make_user()
    product = make_product()
    Bank.objects.filter(pk=product.bank_id).update(manager=manager)
    Bank.objects.filter(pk=ana.bank.pk).update(manager=other)
    apply(ana)
    assert client_of(manager).delete(f"/api/bank/{product.bank_id}/").status_code == 204
    assert client_of(other).delete(f"/api/bank/{ana.bank.pk}/").status_code == 409


def test_late_loans_come_first_and_alone(ana, make_user, as_admin):
    today = datetime.now(UTC).date()
    fresh = lend(make_user, ana, 1200, 12, today=today)
    waiting = [lend(make_user, make_borrower(make_user), today=today - timedelta(days=days)) for days in (80, 50)]
    shown = as_admin.get(f"{DESK}/loans/").json()["results"]
    assert [one["id"] for one in shown] == [str(loan.pk) for loan in (*waiting, fresh)]
    late = as_admin.get(f"{DESK}/loans/?late=true").json()["results"]
    assert [(one["standing"], one["days_overdue"] > 5) for one in late] == [("late", True)] * 2
    page = as_admin.get(f"{DESK}/loans/?page_size=2").json()
    assert [one["id"] for one in as_admin.get(f"{DESK}/loans/?cursor={page['next']}").json()["results"]] == [
        str(fresh.pk)
    ]


BAD_APPLICATIONS = [
    {"amount": "0.00"},
    {"amount": "-5"},
    {"amount": "100.001"},
    {"amount": "1e30"},
    {"amount": None},
    {"months": 0},
    {"months": 481},
    {"months": "many"},
    {"method": "balloon"},
    {"purpose": "A yacht"},
    {"account": "x"},
    {"product": None},
]


def test_bad_bodies_change_nothing(ana, as_ana, as_admin, make_user):
    bob = make_borrower(make_user)
    loan, application = lend(make_user, ana), apply(bob)
    repayments = f"{PEOPLE}/loans/{loan.pk}/repayments/"
    before = lending_stored()
    statuses = [post(as_ana, f"{PEOPLE}/applications/", asked(ana, **wrong)).status_code for wrong in BAD_APPLICATIONS]
    assert statuses == [400] * len(BAD_APPLICATIONS)
    for wrong in ({}, {"kind": "gift"}, {"kind": "early"}, {"kind": "instalment"}, {"kind": "early", "amount": "0"}):
        assert post(as_ana, repayments, wrong).status_code == 400
    for wrong in ({}, {"reason": ""}, {"reason": "x" * 301}, {"reason": 5}):
        assert post(as_admin, f"{DESK}/applications/{application.pk}/reject/", wrong).status_code == 400
        assert post(as_admin, f"{DESK}/loans/{loan.pk}/charge-off/", wrong).status_code == 400
    for query in ("status=gone", "bank=x", "cursor=!!"):
        assert as_admin.get(f"{DESK}/applications/?{query}").status_code == 400
    for query in ("late=perhaps", "cursor=eA", "bank=x"):
        assert as_admin.get(f"{DESK}/loans/?{query}").status_code == 400
    assert as_ana.get(f"{PEOPLE}/products/{ana.product.pk}/quote/?amount=99&months=12").json()["code"] == (
        "loan.amount_out_of_range"
    )
    assert as_ana.get(f"{PEOPLE}/products/{ana.product.pk}/quote/?amount=x").status_code == 400
    assert lending_stored() == before


def test_refusals_say_what_the_app_needs(ana, as_ana, make_user, client_of):
    loan = lend(make_user, ana)
    repayments = f"{PEOPLE}/loans/{loan.pk}/repayments/"
    for body, status, code in (
        ({"kind": "instalment", "number": 2}, 409, "instalment.not_next"),
        ({"kind": "early", "amount": "1300.00"}, 409, "instalment.due"),
        ({"kind": "payoff", "amount": "1.00"}, 409, "repayment.payoff_changed"),
    ):
        answer = post(as_ana, repayments, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    stranger = client_of(make_user())
    assert post(stranger, f"{PEOPLE}/applications/", asked(ana)).json()["code"] == "kyc_required"


@pytest.mark.parametrize("path", ["applications/", "loans/", "products/", "desk/applications/", "desk/loans/"])
def test_lists_cost_the_same_for_any_number_of_rows(ana, make_user, as_ana, as_admin, path):
    client = as_admin if path.startswith("desk") else as_ana

    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{PEOPLE}/{path}").status_code == 200
        return len(queries)

    lend(make_user, ana)
    cost()
    before = cost()
    for _ in range(2):
        account = make_account(ana.bank, customer_of(ana.user))
        lend(make_user, type(ana)(ana.user, account, make_product(ana.bank)))
    assert cost() == before
    assert LoanApplication.objects.count() == 3
