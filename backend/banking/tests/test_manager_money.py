"""Money that a bank's staff moves by hand: reversals, and payments out of an account towards its loans."""

import uuid
from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.audit.selectors import find_values
from backend.banking import verification
from backend.banking.models import Account, Bank, Loan, Payment, Posting
from backend.banking.services import manager_loans
from backend.banking.tests.factories import everything_stored, make_account, make_bank, move, pay
from backend.banking.tests.factories import make_loan as make_partner_loan
from backend.banking.tests.manager_factories import make_loan
from backend.banking.tests.people_factories import account_of, balances, send
from backend.identity.principals import principal_of
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db
WHY = {"reason": "Counted wrong at the till."}


@pytest.fixture
def banked(mona, make_user):
    """An account of somebody's at Mona's bank, with 100.00 on it."""
    return account_of(make_user(first_name="Ana"), bank=Bank.objects.get(manager=mona), balance="100.00")


def reverse(client, posting_id, body=WHY, **headers):
    return client.post(f"/api/postings/{posting_id}/reversal/", body, **headers)


def pay_loans(client, account, amount, **headers):
    return client.post(f"/api/account/{account.pk}/payments/", {"total_amount": amount}, **headers)


def but_for_the_trail(stored):
    """A forbidden try stands in the trail, and is told to those who watch over it."""
    return {**stored, "AuditLog": 0, "Event": 0}


def lent(mona, account, amount):
    loan = make_loan(mona, account=account, loan_status=None, current_loan_amount=Decimal(amount))
    return manager_loans.activate(actor=principal_of(mona), loan_id=loan.pk)


def test_a_manager_reverses_a_posting_of_the_bank_once_with_a_reason(mona, as_mona, banked):
    posting = move(banked, "25.00")

    made = reverse(as_mona, posting.pk)
    again = reverse(as_mona, posting.pk)
    of_the_reversal = reverse(as_mona, made.json()["posting"])

    body = made.json()
    mirror = Posting.objects.get(pk=body["posting"])
    assert made.status_code == 201
    assert (body["reverses"], body["kind"], body["bank"]) == (posting.pk, "reversal", str(banked.bank_id))
    assert (mirror.reverses_id, mirror.actor_id, balances(banked)) == (posting.pk, mona.pk, ["100.00"])
    assert [(one.status_code, one.json()["code"]) for one in (again, of_the_reversal)] == [
        (409, "posting.already_reversed"),
        (409, "posting.not_reversible"),
    ]
    row = AuditLog.objects.get(action="posting.reversed")
    assert (row.actor_id, row.target_id, find_values(row).values["new"]) == (mona.pk, str(posting.pk), WHY)
    told = Event.objects.filter(topic__key=f"user.{banked.customer.user_id}", kind="account.moved").last()
    assert (told.payload["what"], told.payload["amount"]) == ("reversal", "-25.00")
    assert verification.prove().is_clean


def test_a_key_makes_a_second_click_the_first_ones_answer(as_mona, banked):
    posting = move(banked, "25.00")

    first, second = (reverse(as_mona, posting.pk, HTTP_IDEMPOTENCY_KEY="once") for _ in range(2))
    other = reverse(as_mona, posting.pk, {"reason": "Another."}, HTTP_IDEMPOTENCY_KEY="once")

    assert (first.json(), second["Idempotent-Replayed"], other.status_code) == (second.json(), "true", 422)
    assert Posting.objects.filter(reverses=posting).count() == 1


def test_who_may_not_reverse_changes_nothing(client_of, make_user, mona, otto, as_mona, banked):
    """Another bank's manager hears of no such posting; nobody reverses what is on an account of their own."""
    posting = move(banked, "25.00")
    own = move(account_of(mona, bank=banked.bank), "5.00")
    elsewhere = account_of(make_user(), bank=Bank.objects.get(manager=otto))
    between = send(banked, elsewhere, "10.00").posting_id
    owing = account_of(mona, bank=make_bank(), external_id="mona")
    make_partner_loan(owing, 10)
    through_a_partner = pay(owing, 10).posting_id
    admin = make_user("BANK_ADMIN")
    before = but_for_the_trail(everything_stored())

    answers = [
        reverse(client_of(otto), posting.pk),
        reverse(client_of(make_user("AUDITOR")), posting.pk),
        reverse(as_mona, 2**70),
        reverse(as_mona, own.pk),
        reverse(as_mona, between),
        reverse(client_of(otto), between),
        reverse(as_mona, posting.pk, {"reason": " "}),
        reverse(as_mona, posting.pk, {"reason": "x" * 201}),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 403, 403, 403, 400, 400]
    assert [answers[3].json()["code"], answers[4].json()["code"]] == ["account.own", "posting.of_other_banks"]
    assert but_for_the_trail(everything_stored()) == before
    assert reverse(client_of(admin), between).status_code == 201
    assert reverse(client_of(admin), through_a_partner).status_code == 201


def test_money_that_has_gone_on_stays_and_the_answer_says_so(as_mona, banked):
    posting = move(banked, "25.00")
    move(banked, "-120.00")
    before = everything_stored()

    answer = reverse(as_mona, posting.pk)

    assert (answer.status_code, answer.json()["code"]) == (422, "funds.insufficient")
    assert everything_stored() == before


def test_a_loan_of_the_manager_door_is_paid_out_of_its_account(mona, as_mona, banked):
    """Oldest first, as every payment (S4-B8); the last cent makes it PAID."""
    first, second = lent(mona, banked, "60.00"), lent(mona, banked, "40.00")

    some = pay_loans(as_mona, banked, "70.00")
    rest = pay_loans(as_mona, banked, "30.00")
    more = pay_loans(as_mona, banked, "0.01")

    assert [answer.status_code for answer in (some, rest, more)] == [201, 201, 201]
    assert [(part["loan"], part["amount"], part["outstanding"], part["state"]) for part in some.json()["parts"]] == [
        (str(first.pk), "60.00", "0.00", "paid"),
        (str(second.pk), "10.00", "30.00", "active"),
    ]
    assert (some.json()["balance"], rest.json()["balance"], balances(banked)) == ("130.00", "100.00", ["100.00"])
    assert (more.json()["status"], more.json()["posting"], more.json()["parts"]) == ("rejected", None, [])
    assert set(Loan.objects.filter(account=banked).values_list("state", flat=True)) == {"paid"}
    assert AuditLog.objects.filter(action="payment.completed", actor_id=mona.pk).count() == 2
    assert reverse(as_mona, rest.json()["posting"]).status_code == 201
    assert str(Loan.objects.get(pk=second.pk).outstanding) == "30.00"
    assert verification.prove().is_clean


def test_a_payment_is_made_once_for_a_key(mona, as_mona, banked):
    lent(mona, banked, "60.00")

    first, second = (pay_loans(as_mona, banked, "20.00", HTTP_IDEMPOTENCY_KEY="once") for _ in range(2))

    assert (first.json(), second["Idempotent-Replayed"]) == (second.json(), "true")
    assert Payment.objects.count() == 1


def test_payments_that_cannot_be_change_nothing(client_of, make_user, mona, otto, as_mona, banked):
    lent(mona, banked, "60.00")
    own = account_of(mona, bank=banked.bank, balance="50.00")
    empty = make_account(banked.bank)
    lent(mona, empty, "30.00")
    move(empty, "-30.00")
    frozen = make_account(banked.bank)
    lent(mona, frozen, "30.00")
    Account.objects.filter(pk=frozen.pk).update(status="frozen")
    before = but_for_the_trail(everything_stored())

    answers = [
        pay_loans(client_of(otto), banked, "1.00"),
        pay_loans(client_of(make_user()), banked, "1.00"),
        as_mona.post(f"/api/account/{uuid.uuid4()}/payments/", {"total_amount": "1.00"}),
        pay_loans(as_mona, own, "1.00"),
        pay_loans(as_mona, empty, "1.00"),
        pay_loans(as_mona, frozen, "1.00"),
        *(pay_loans(as_mona, banked, amount) for amount in ("0.00", "-1.00", "1.001", "1e30", "", None)),
    ]

    assert [answer.status_code for answer in answers[:6]] == [404, 404, 404, 403, 422, 422]
    assert {answer.status_code for answer in answers[6:]} == {400}
    assert but_for_the_trail(everything_stored()) == before
