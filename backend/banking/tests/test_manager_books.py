"""Money at the manager door: opening postings, loans that are paid out and given up, the books as one reads them."""

from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Account, Bank, Entry, Loan, Posting
from backend.banking.services import manager_loans
from backend.banking.tests.manager_factories import everything_stored, make_account, make_bank, make_customer, make_loan
from backend.identity.principals import principal_of
from backend.tests.commits import in_parallel


@pytest.fixture
def bank(mona):
    return Bank.objects.get(manager=mona)


def waiting(mona, **fields) -> Loan:
    return make_loan(mona, loan_status=None, current_loan_amount=Decimal("300.00"), **fields)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/account/", "/api/register/account/"])
def test_a_balance_on_opening_is_a_posting(path, mona, as_mona):
    """design.md section 5; plainly: 250 came in over the counter, so cash is up and the bank owes them 250."""
    body = {"customer": str(make_customer(mona).pk), "account_number": "1", "balance": "250.5"}

    answer = as_mona.post(path, body)

    account, posting = Account.objects.get(), Posting.objects.get()
    assert (answer.status_code, account.balance, posting.kind, posting.actor_id) == (
        201,
        Decimal("250.50"),
        "opening",
        mona.pk,
    )
    entries = Entry.objects.order_by("-amount").values_list("account", "internal_account__kind", "amount")
    assert list(entries) == [(account.pk, None, Decimal("250.50")), (None, "cash", Decimal("-250.50"))]
    assert as_mona.get(f"/api/account/{account.pk}/").json()["balance"] == "250.50"


@pytest.mark.django_db
@pytest.mark.parametrize("balance", [None, "0", "0.00"])
def test_nothing_is_posted_where_nothing_came_in(balance, mona, as_mona):
    body = {"customer": str(make_customer(mona).pk), "account_number": "1", "balance": balance}

    assert (as_mona.post("/api/account/", body).json()["balance"], Posting.objects.count()) == ("0.00", 0)


@pytest.mark.django_db
def test_an_opening_sent_twice_under_one_key_is_one_account(mona, as_mona):
    """design.md section 5."""
    body = {"customer": str(make_customer(mona).pk), "account_number": "1", "balance": "5.00"}

    first = as_mona.post("/api/account/", body, HTTP_IDEMPOTENCY_KEY="k")
    again = as_mona.post("/api/account/", body, HTTP_IDEMPOTENCY_KEY="k")
    other = as_mona.post("/api/account/", {**body, "balance": "6.00"}, HTTP_IDEMPOTENCY_KEY="k")

    assert (first.status_code, again.content, again["Idempotent-Replayed"]) == (201, first.content, "true")
    assert (other.status_code, Account.objects.count(), Posting.objects.count()) == (422, 1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["account", "customer", "bank"])
def test_what_had_money_is_not_deleted_and_says_why(kind, bank, mona, as_mona):
    """design.md section 5, BUG-S0-17."""
    account = make_account(mona, balance=Decimal("5.00"))
    one = {"account": account.pk, "customer": account.customer_id, "bank": bank.pk}[kind]
    before = everything_stored()

    answer = as_mona.delete(f"/api/{kind}/{one}/")

    said = {"bank": "bank.in_use"}.get(kind, "ledger.has_postings")
    assert (answer.status_code, answer.json()["code"], answer.json()["postings"]) == (409, said, 1)
    assert everything_stored() == before


@pytest.mark.django_db
def test_a_waiting_loan_is_paid_out_to_its_account(mona, as_mona):
    loan = waiting(mona)
    path = f"/api/loan/{loan.pk}/activate/"

    answer = as_mona.post(path, HTTP_IDEMPOTENCY_KEY="k")
    again = as_mona.post(path, HTTP_IDEMPOTENCY_KEY="k")
    second = as_mona.post(path)

    assert (answer.status_code, answer.json()["state"], answer.json()["outstanding"]) == (200, "active", "300.00")
    assert (again.content, again["Idempotent-Replayed"]) == (answer.content, "true")
    assert (second.status_code, second.json()["state"]) == (409, "active")
    assert Account.objects.get(pk=loan.account_id).balance == Decimal("300.00")
    assert Posting.objects.get().kind == "loan_activation"
    assert as_mona.delete(f"/api/loan/{loan.pk}/").json()["code"] == "ledger.has_postings"


@pytest.mark.django_db
def test_a_loan_is_refused_or_given_up_once(mona, as_mona):
    refused, lost = waiting(mona), waiting(mona)
    as_mona.post(f"/api/loan/{lost.pk}/activate/")

    answers = [
        as_mona.post(f"/api/loan/{refused.pk}/reject/"),
        as_mona.post(f"/api/loan/{refused.pk}/activate/"),
        as_mona.post(f"/api/loan/{lost.pk}/charge-off/"),
        as_mona.post(f"/api/loan/{lost.pk}/charge-off/"),
    ]

    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [
        (200, "rejected"),
        (409, "rejected"),
        (200, "charged_off"),
        (409, "charged_off"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("move", ["activate", "reject", "charge-off"])
def test_a_loan_of_another_bank_or_door_is_not_moved(move, mona, otto, as_mona):
    theirs, partners = waiting(otto), waiting(mona)
    Loan.objects.filter(pk=partners.pk).update(door="partner")
    before = everything_stored()

    answers = [as_mona.post(f"/api/loan/{loan.pk}/{move}/") for loan in (theirs, partners)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (404, "loan.unknown"),
        (409, "loan.of_another_door"),
    ]
    assert everything_stored() == before


def test_a_loan_activated_and_rejected_at_once_is_one_of_both(committed, make_user):
    manager = make_user()
    make_bank(manager)
    actor, loan = principal_of(manager), waiting(manager)

    moves = [manager_loans.activate, manager_loans.reject] * 3
    found = in_parallel(*[lambda move=move: move(actor=actor, loan_id=loan.pk) for move in moves])

    assert sorted(type(one).__name__ for one in found) == ["Loan", *["NotPending"] * 5]
    state = Loan.objects.get().state
    assert Posting.objects.count() == {"active": 1, "rejected": 0}[state]


@pytest.mark.django_db
def test_a_waiting_loan_stays_within_its_account_s_line(mona, as_mona):
    account = make_account(mona, credit_line=Decimal("300.00"))
    body = {"account": str(account.pk), "term": "Short Term", "purpose": "Car"}

    taken = as_mona.post("/api/loan/", {**body, "current_loan_amount": "300.00"})
    over = as_mona.post("/api/loan/", {**body, "current_loan_amount": "0.01"})
    grown = as_mona.patch(f"/api/loan/{taken.json()['loan_id']}/", {"current_loan_amount": "300.01"})
    shrunk = as_mona.patch(f"/api/loan/{taken.json()['loan_id']}/", {"current_loan_amount": "299.00"})

    assert [answer.status_code for answer in (taken, over, grown, shrunk)] == [201, 400, 400, 200]
    assert list(over.json()) == list(grown.json()) == ["current_loan_amount"]
    assert Loan.objects.get().outstanding == Decimal("299.00")


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["frozen", "closed"])
def test_a_frozen_account_takes_records_and_no_new_loan(status, mona, as_mona):
    account = make_account(mona)
    Account.objects.filter(pk=account.pk).update(status=status)
    body = {"account": str(account.pk), "term": "Short Term", "purpose": "Car", "current_loan_amount": "1.00"}

    new = as_mona.post("/api/loan/", body)
    record = as_mona.post("/api/loan/", {**body, "loan_status": "Fully Paid"})

    assert (new.status_code, list(new.json()), record.status_code) == (400, ["account"], 201)


@pytest.mark.django_db
def test_an_account_s_ledger_reads_from_its_newest_entry_back(mona, as_mona):
    loan = waiting(mona, account=make_account(mona, balance=Decimal("5.00")))
    as_mona.post(f"/api/loan/{loan.pk}/activate/")
    path = f"/api/account/{loan.account_id}/ledger/"

    page = as_mona.get(f"{path}?page_size=1").json()
    rest = as_mona.get(path, {"cursor": page["next"], "page_size": 5}).json()

    seen = [(row["kind"], row["amount"], row["balance_after"]) for row in page["results"] + rest["results"]]
    assert seen == [("loan_activation", "300.00", "305.00"), ("opening", "5.00", "5.00")]
    assert rest["next"] is None


@pytest.mark.django_db
def test_a_trial_balance_is_zero_by_currency(bank, mona, as_mona):
    make_account(mona, balance=Decimal("5.00"))
    make_account(mona, balance=Decimal("7.00"), currency="EUR")
    as_mona.post(f"/api/loan/{waiting(mona).pk}/activate/")

    found = {one["currency"]: one for one in as_mona.get(f"/api/bank/{bank.pk}/trial-balance/").json()}

    assert (found["USD"]["customers"], found["USD"]["total"]) == ("305.00", "0.00")
    assert found["USD"]["internal"] == [
        {"kind": "cash", "balance": "-5.00"},
        {"kind": "loans_receivable", "balance": "-300.00"},
    ]
    assert (found["EUR"]["customers"], found["EUR"]["total"]) == ("7.00", "0.00")


@pytest.mark.django_db
def test_an_auditor_s_look_at_an_account_is_on_record(bank, mona, as_mona, make_user, client_of):
    account, auditor = make_account(mona, balance=Decimal("5.00")), make_user("AUDITOR")
    path = f"/api/account/{account.pk}/ledger/"

    answers = [client_of(auditor).get(path), as_mona.get(path), client_of(make_user(is_staff=True)).get(path)]

    assert [answer.status_code for answer in answers] == [200, 200, 404]
    row = AuditLog.objects.get(action="account.ledger_viewed")
    assert (row.actor_id, row.target_id) == (auditor.pk, str(account.pk))
    assert client_of(auditor).get(f"/api/bank/{bank.pk}/trial-balance/").status_code == 200
