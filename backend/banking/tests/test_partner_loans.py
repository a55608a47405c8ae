"""A partner's loans and payments (S4-R6 to S4-R13)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Loan, Payment, PaymentDetail
from backend.banking.selectors.ledger import trial_balance
from backend.banking.tests.partner_stage import DUE, Partner, stored

pytestmark = pytest.mark.django_db

APRIL_1, APRIL_2 = (datetime(2026, 4, day, tzinfo=UTC) for day in (1, 2))


@pytest.fixture
def partner():
    found = Partner()
    found.customer("c-1", "5000.00")
    return found


def states(*names):
    found = {name: (state, outstanding) for name, state, outstanding in loans_by_name()}
    return [found[name] for name in names]


def loans_by_name():
    return Loan.objects.values_list("external_id", "state", "outstanding")


def test_a_loan_is_pending_and_owes_its_amount(partner):
    """S4-R7, S4-B5."""
    answer = partner.loan("l-1", "1000.00", taken_at="2026-04-01T00:00:00Z")

    shown = {
        "external_id": "l-1",
        "customer_external_id": "c-1",
        "amount": "1000.00",
        "outstanding": "1000.00",
        "status": 1,
        "contract_version": "v1",
        "taken_at": "2026-04-01T00:00:00Z",
        "maximum_payment_date": DUE,
    }
    assert (answer.status_code, answer.json()) == (201, shown)
    assert partner.get("/loans/l-1/").json() == shown
    assert AuditLog.objects.get(action="loan.created").facts["prefix"] == partner.key.prefix


def test_the_line_is_filled_to_the_cent_and_no_further(partner):
    """S4-B4, E-S4-4."""
    assert partner.loan("l-1", "4000.00").status_code == 201
    before = stored()

    over = partner.loan("l-2", "1000.01")

    assert (over.status_code, list(over.json())) == (400, ["amount"])
    assert "exceed the customer's available credit line" in over.json()["amount"][0]
    assert stored() == before
    assert partner.loan("l-2", "1000.00").status_code == 201


def test_a_bad_loan_is_400_by_field(partner):
    """E-S4-3, BUG-S4-3."""
    bad = [("amount", value) for value in ("0.00", "-1.00", "0.001", "12345678901.00", True, None)]
    bad += [("contract_version", "v" * 31), ("contract_version", ""), ("maximum_payment_date", None)]
    bad += [("customer_external_id", "nobody"), ("customer_external_id", "a\x00"), ("external_id", "x" * 61)]
    good = {"external_id": "l-1", "customer_external_id": "c-1", "amount": "1.00", "contract_version": "v1"}
    before = stored()

    for field, value in bad:
        answer = partner.post("/loans/", {**good, "maximum_payment_date": DUE, field: value})
        assert (field, value, answer.status_code, list(answer.json())) == (field, value, 400, [field])
    assert stored() == before


def test_a_loan_becomes_active_as_of_now(partner):
    """S4-R9, S4-B6: the given date counts no longer, and the book knows what was lent."""
    partner.loan("l-1", "1000.00", taken_at="2020-01-01T00:00:00Z")

    answer = partner.post("/loans/l-1/activate/")

    assert (answer.status_code, answer.json()["status"]) == (200, 2)
    assert datetime.fromisoformat(answer.json()["taken_at"]).year >= 2026
    (book,) = trial_balance(partner.bank)
    assert sum(book.internal.values()) == 0


@pytest.mark.parametrize(
    ("moves", "state"),
    [
        (["activate", "activate"], "active"),
        (["activate", "reject"], "active"),
        (["reject", "activate"], "rejected"),
        (["reject", "reject"], "rejected"),
    ],
)
def test_a_loan_is_decided_once(partner, moves, state):
    """S4-R9, S4-R10, E-S4-14: 400, in the words that clients look for, and the present state."""
    partner.loan("l-1", "1000.00")
    first = partner.post(f"/loans/l-1/{moves[0]}/")
    before = stored()

    second = partner.post(f"/loans/l-1/{moves[1]}/")

    said = {"activate": "activated", "reject": "rejected"}[moves[1]]
    assert first.status_code in {200, 204}
    assert (second.status_code, second.json()["code"], second.json()["state"]) == (400, "loan.not_pending", state)
    assert f"only loans in 'pending' may be {said}" in second.json()["detail"]
    assert stored() == before
    assert states("l-1") == [(state, Decimal("1000.00") if state == "active" else 0)]


def test_the_oldest_loan_is_paid_first(partner):
    """S4-B8, S4-B10, BUG-S4-6."""
    partner.active_loan("l-2", "400.00", taken_at=APRIL_2)
    partner.active_loan("l-1", "600.00", taken_at=APRIL_1)
    touched = Loan.objects.get(external_id="l-1").updated_at

    answer = partner.pay("p-1", "700.00")

    body = answer.json()
    assert (answer.status_code, body["status"], body["total_amount"]) == (201, 1, "700.00")
    assert body["payment_details"] == [
        {"loan_external_id": "l-1", "amount": "600.00"},
        {"loan_external_id": "l-2", "amount": "100.00"},
    ]
    assert body["paid_at"] is not None
    assert partner.get("/payments/p-1/").json() == body
    assert states("l-1", "l-2") == [("paid", 0), ("active", Decimal("300.00"))]
    assert [partner.get(f"/loans/{name}/").json()["status"] for name in ("l-1", "l-2")] == [4, 2]
    assert Loan.objects.get(external_id="l-1").updated_at > touched


def test_more_than_is_owed_is_kept_as_rejected(partner):
    """S4-B7, S4-B11."""
    partner.active_loan("l-1", "600.00", taken_at=APRIL_1)
    partner.active_loan("l-2", "400.00", taken_at=APRIL_2)

    answer = partner.pay("p-1", "1200.00")

    assert (answer.status_code, answer.json()) == (
        201,
        {
            "external_id": "p-1",
            "customer_external_id": "c-1",
            "total_amount": "1200.00",
            "status": 2,
            "paid_at": None,
            "payment_details": [],
        },
    )
    assert states("l-1", "l-2") == [("active", Decimal("600.00")), ("active", Decimal("400.00"))]
    assert partner.get("/payments/p-1/").json()["status"] == 2


def test_pending_loans_are_not_paid(partner):
    """BUG-S4-4, S4-B9, K-78, E-S4-8: without an active loan nothing is owed yet."""
    partner.loan("l-1", "600.00")

    assert partner.pay("p-1", "100.00").json()["status"] == 2
    assert states("l-1") == [("pending", Decimal("600.00"))]


def test_loans_taken_at_one_moment_are_paid_in_the_order_they_came(partner):
    """E-S4-10, BUG-S4-5."""
    for name in ("l-1", "l-2", "l-3"):
        partner.active_loan(name, "10.00", taken_at=APRIL_1)
    Loan.objects.filter(external_id="l-1").update(taken_at=None)

    details = partner.pay("p-1", "25.00").json()["payment_details"]

    assert [(one["loan_external_id"], one["amount"]) for one in details] == [
        ("l-2", "10.00"),
        ("l-3", "10.00"),
        ("l-1", "5.00"),
    ]


def test_a_bad_amount_is_400_and_no_payment(partner):
    """E-S4-3, BUG-S4-3, BUG-S4-22: what is too wide is refused, not kept as rejected."""
    partner.active_loan("l-1", "100.00")
    before = stored()

    for amount in ("0.00", "-5.00", "1.001", "12345678901.00", "12345678901234567890.00", None, []):
        answer = partner.pay("p-1", amount)
        assert (amount, answer.status_code, list(answer.json())) == (amount, 400, ["total_amount"])
    assert stored() == before


def test_a_name_pays_once(partner):
    """E-S4-7: also what was rejected has its name."""
    partner.active_loan("l-1", "100.00")
    partner.pay("p-1", "40.00")
    partner.pay("p-2", "400.00")
    before = stored()

    again = [partner.pay("p-1", "40.00"), partner.pay("p-2", "1.00"), partner.loan("l-1", "1.00")]

    assert [(answer.status_code, list(answer.json())) for answer in again] == [(400, ["external_id"])] * 3
    assert stored() == before


def test_a_named_request_pays_once_and_hears_the_same_again(partner):
    """design.md section 5: `Idempotency-Key`, at either mount."""
    partner.active_loan("l-1", "100.00")

    first = partner.pay("p-1", "40.00", key="k-1")
    partner.prefix = "/api"
    second = partner.pay("p-1", "40.00", key="k-1")
    other = partner.pay("p-1", "41.00", key="k-1")

    assert (first.status_code, second.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == second.json()
    assert (first.has_header("Idempotent-Replayed"), second["Idempotent-Replayed"]) == (False, "true")
    assert Payment.objects.count() == 1


@pytest.mark.parametrize("move", ["activate", "reject"])
def test_a_named_move_is_answered_the_same_again(partner, move):
    partner.loan("l-1", "100.00")

    answers = [partner.post(f"/loans/l-1/{move}/", key="k-1") for _ in range(2)]

    assert answers[0].status_code == answers[1].status_code in {200, 204}
    assert answers[0].content == answers[1].content


def test_a_loan_that_was_paid_on_stays(partner):
    """BUG-S4-21: payments never lose what they were for."""
    loan = partner.active_loan("l-1", "100.00")
    partner.pay("p-1", "40.00")

    with pytest.raises(Exception, match="protected"):
        loan.delete()
    assert PaymentDetail.objects.count() == 1
