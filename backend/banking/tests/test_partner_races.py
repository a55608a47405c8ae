"""Partners at the same moment, on connections of their own: names, lines, debts and states hold."""

from decimal import Decimal

from backend.banking.models import Account, Customer, Loan, Posting, Registration
from backend.banking.tests.partner_stage import Partner
from backend.tests.commits import in_parallel


def test_of_many_at_once_one_registers_the_name(committed):
    """E-S4-7, in the database's hands."""
    partner = Partner()

    answers = in_parallel(*[lambda: Partner(partner.bank).customer("c-1")] * 6)

    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 5
    assert (Account.objects.count(), Customer.objects.count(), Registration.objects.count()) == (1, 1, 1)


def test_activating_and_rejecting_at_once_decide_once(committed):
    """BUG-S4-7."""
    partner = Partner()
    partner.customer()
    partner.loan()
    others = [Partner(partner.bank) for _ in range(4)]

    moves = ["activate", "reject"] * 2
    answers = in_parallel(
        *[lambda one=one, move=move: one.post(f"/loans/l-1/{move}/") for one, move in zip(others, moves, strict=True)]
    )

    assert sorted(answer.status_code for answer in answers)[1:] == [400, 400, 400]
    assert Posting.objects.count() == (1 if Loan.objects.get().state == "active" else 0)


def test_two_loans_at_once_stay_within_the_line(committed):
    """E-S4-5, BUG-S4-2."""
    partner = Partner()
    partner.customer("c-1", "1000.00")
    others = [Partner(partner.bank) for _ in range(5)]

    answers = in_parallel(
        *[lambda one=one, number=number: one.loan(f"l-{number}", "400.00") for number, one in enumerate(others)]
    )

    assert sorted(answer.status_code for answer in answers) == [201, 201, 400, 400, 400]


def test_payments_at_once_take_no_more_than_is_owed(committed):
    """E-S4-6, BUG-S4-1."""
    partner = Partner()
    partner.customer("c-1", "1000.00")
    partner.active_loan("l-1", "1000.00")
    others = [Partner(partner.bank) for _ in range(8)]

    answers = in_parallel(
        *[lambda one=one, number=number: one.pay(f"p-{number}", "300.00") for number, one in enumerate(others)]
    )

    assert sorted(answer.json()["status"] for answer in answers) == [1, 1, 1, 2, 2, 2, 2, 2]
    assert Loan.objects.values_list("state", "outstanding").get() == ("active", Decimal("100.00"))
