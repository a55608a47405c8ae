"""`/api/transfers/`: money from one account to another, once, within limits, and only by whoever may send it."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import Account, AccountStatus, Entry, InternalKind, Posting, Transfer
from backend.banking.selectors.ledger import trial_balance
from backend.banking.services import transfers
from backend.banking.tests.factories import everything_stored, make_account, make_bank, move
from backend.banking.tests.people_factories import account_of, balances, body_for, post_transfer, send
from backend.budget.models import Entry as BudgetEntry
from backend.conftest import PASSWORD
from backend.identity.principals import principal_from_token
from backend.identity.services import step_up
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(make_user):
    return make_user(first_name="Ana", last_name="Silva")


@pytest.fixture
def bob(make_user):
    return make_user(first_name="Bob", last_name="Lopez")


@pytest.fixture
def source(ana):
    return account_of(ana, balance="500.00")


@pytest.fixture
def target(bob, source):
    return account_of(bob, bank=source.bank)


@pytest.fixture
def client(client_of, ana, source):
    return client_of(ana)


def heard(user):
    rows = Event.objects.filter(topic__key=f"user.{user.pk}").order_by("seq")
    return [(row.kind, row.payload.get("direction")) for row in rows]


def test_money_goes_to_anybody_by_bank_and_number_and_both_hear_of_it(client, source, target, ana, bob):
    answer = post_transfer(client, body_for(source, target, "120.50", payee_name="Bobby", memo="Lunch"))

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["state"], body["direction"], body["amount"]) == ("posted", "out", "120.50")
    assert (body["target"]["name"], body["target"]["account_id"]) == ("Bobby", None)
    assert balances(source, target) == ["379.50", "120.50"]
    assert heard(ana)[-1] == ("transfer.posted", "out")
    assert heard(bob)[-1] == ("transfer.posted", "in")
    transfer = Transfer.objects.get()
    assert (transfer.assessment_id is None, transfer.posting.kind) == (False, "transfer")
    row = AuditLog.objects.get(action="transfer.posted")
    assert (row.actor_id, row.subject_id, row.target_id) == (ana.pk, ana.pk, str(transfer.pk))


def test_each_side_reads_its_own_side(client, client_of, source, target, bob, ana):
    made = post_transfer(client, body_for(source, target, "10.00", payee_name="Secret nickname")).json()

    theirs = client_of(bob).get(f"/api/transfers/{made['id']}/").json()

    assert (theirs["direction"], theirs["source"]["name"], theirs["source"]["account_id"]) == ("in", "Ana Silva", None)
    assert theirs["target"] == {**theirs["target"], "account_id": str(target.pk), "name": ""}
    assert client.get(f"/api/transfers/{made['id']}/").json() == made


def test_between_banks_each_bank_owes_the_other_and_both_stay_even(client, source, bob):
    far = account_of(bob, bank=make_bank())

    answer = post_transfer(client, body_for(source, far, "75.00"))

    assert answer.status_code == 201
    own = {entry.internal_account.kind for entry in Entry.objects.exclude(internal_account=None)}
    assert InternalKind.INTERBANK in own
    assert [line.total for bank in (source.bank, far.bank) for line in trial_balance(bank)] == [0, 0]


def test_own_accounts_move_money_without_a_word_to_the_budget(client, ana, source):
    Account.objects.update(in_budget=True)
    savings = account_of(ana, bank=source.bank, in_budget=True)

    answer = post_transfer(client, {"source": str(source.pk), "target": str(savings.pk), "amount": "100"})

    assert (answer.status_code, answer.json()["direction"]) == (201, "own")
    assert balances(source, savings) == ["400.00", "100.00"]
    assert heard(ana)[-1] == ("transfer.posted", "own")
    assert [kind for kind, _ in heard(ana)].count("transfer.posted") == 1
    assert BudgetEntry.objects.count() == 0


def test_both_sides_find_it_in_their_budget_unless_they_switched_that_off(client, source, target, ana, bob):
    Account.objects.update(in_budget=True)
    post_transfer(client, body_for(source, target, "12.00", payee_name="Bobby", memo="Lunch"))
    Account.objects.filter(pk=target.pk).update(in_budget=False)
    post_transfer(client, body_for(source, target, "3.00"))

    booked = BudgetEntry.objects.order_by("user", "amount")
    assert list(booked.values_list("user", "kind", "amount", "title", "description")) == [
        (ana.pk, "expense", Decimal("3.00"), f"To {target.account_number}", ""),
        (ana.pk, "expense", Decimal("12.00"), "To Bobby", "Lunch"),
        (bob.pk, "income", Decimal("12.00"), "From Ana Silva", "Lunch"),
    ]


BAD = {
    "zero": ("0.00", 400),
    "negative": ("-5.00", 400),
    "three decimals": ("1.001", 400),
    "not a number": ("NaN", 400),
    "infinite": ("Infinity", 400),
    "text": ("ten", 400),
    "a list": (["1.00"], 400),
    "more than there is": ("500.01", 422),
    "more digits than the books have": ("9" * 30, 400),
}


@pytest.mark.parametrize(("amount", "status"), BAD.values(), ids=BAD)
def test_a_bad_amount_is_refused_and_changes_nothing(client, source, target, amount, status):
    before = balances(source, target), Posting.objects.count(), AuditLog.objects.count(), Event.objects.count()

    answer = post_transfer(client, body_for(source, target, amount))

    assert answer.status_code == status, answer.content
    after = balances(source, target), Posting.objects.count(), AuditLog.objects.count(), Event.objects.count()
    assert after == before
    assert Transfer.objects.count() == 0


def test_whom_it_is_for_is_said_in_one_way(client, source, target):
    whole = body_for(source, target, "1.00")
    both = {**whole, "target": str(target.pk)}
    half = {name: value for name, value in whole.items() if name != "bank"}
    none = {"source": str(source.pk), "amount": "1.00"}

    answers = [post_transfer(client, body) for body in (both, half, none, {**whole, "memo": "x" * 141})]

    assert [answer.status_code for answer in answers] == [400] * 4
    assert [next(iter(answer.json())) for answer in answers] == ["target", "bank", "target", "memo"]


def test_what_is_not_there_or_not_ones_own_is_refused(client, client_of, source, target, bob):
    theirs = post_transfer(client_of(bob), body_for(source, target, "1.00"))
    unknown = post_transfer(client, {**body_for(source, target, "1.00"), "account_number": "0"})
    by_id = post_transfer(client, {"source": str(source.pk), "target": str(target.pk), "amount": "1.00"})

    assert [(one.status_code, one.json()["code"]) for one in (theirs, unknown, by_id)] == [
        (404, "account.unknown"),
        (422, "payee.unknown"),
        (404, "account.unknown"),
    ]
    assert balances(source, target) == ["500.00", "0.00"]


def test_one_account_twice_and_another_currency_are_bad_requests(client, source, bob):
    euros = account_of(bob, bank=make_bank(currency="EUR"))

    itself = post_transfer(client, body_for(source, source, "1.00"))
    across = post_transfer(client, body_for(source, euros, "1.00"))

    assert [(one.status_code, list(one.json())) for one in (itself, across)] == [(400, ["target"]), (400, ["target"])]


@pytest.mark.parametrize("status", [AccountStatus.FROZEN, AccountStatus.CLOSED])
def test_a_frozen_or_closed_account_neither_sends_nor_takes(client, source, target, status):
    empty = make_account(source.bank)
    Account.objects.filter(pk__in=[target.pk, empty.pk]).update(status=status)
    to_it = post_transfer(client, body_for(source, target, "1.00"))
    Account.objects.filter(pk=source.pk).update(status=AccountStatus.FROZEN)
    from_it = post_transfer(client, body_for(source, empty, "1.00"))

    assert (to_it.status_code, to_it.json()["code"]) == (422, "payee.unavailable")  # which of both is not told
    assert (from_it.status_code, from_it.json()["code"]) == (422, "account.frozen")
    assert Transfer.objects.count() == 0


def test_whoever_is_not_verified_sends_nothing_and_may_still_look(client, source, target, ana):
    ana.kyc_status = "EXPIRED"
    ana.save()

    answer = post_transfer(client, body_for(source, target, "1.00"))

    assert (answer.status_code, answer.json()["code"]) == (403, "kyc_required")
    for path in ("accounts/", "transfers/", "statements/", "transfers/scheduled/"):
        assert client.get(f"/api/{path}").status_code == 200
    assert Transfer.objects.count() == 0


def test_an_approval_that_ended_after_the_request_was_let_in_counts(client, source, target, ana):
    """Revoked in mid flight: the session's principal still says approved, the database does not."""
    assert client.get("/api/accounts/").status_code == 200
    type(ana).objects.filter(pk=ana.pk).update(kyc_status="REJECTED")
    before = everything_stored()

    answer = post_transfer(client, body_for(source, target, "1.00"))

    assert (answer.status_code, answer.json()["code"]) == (403, "kyc_required")
    assert everything_stored() == before


# Keys


def test_a_repeated_key_gets_the_first_answer_and_moves_nothing(client, source, target):
    body = body_for(source, target, "20.00")

    first = post_transfer(client, body, key="k-1")
    again = post_transfer(client, body, key="k-1")
    other = post_transfer(client, {**body, "amount": "21.00"}, key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")
    assert balances(source, target) == ["480.00", "20.00"]


def test_without_a_key_nothing_is_sent(client, source, target):
    answer = client.post("/api/transfers/", body_for(source, target, "20.00"))

    assert (answer.status_code, list(answer.json())) == (400, ["Idempotency-Key"])
    assert Transfer.objects.count() == 0


def test_a_refusal_is_not_kept_the_same_key_works_later(client, source, target):
    body = body_for(source, target, "600.00")
    assert post_transfer(client, body, key="k").status_code == 422
    move(source, "200.00")

    assert post_transfer(client, body, key="k").status_code == 201


# Limits


def limited(source, **limits):
    for name, value in limits.items():
        setattr(source.bank, name, Decimal(value))
    source.bank.save()


def test_a_transfer_at_the_limit_passes_and_a_cent_more_does_not(client, source, target):
    limited(source, transfer_max="100.00")

    over = post_transfer(client, body_for(source, target, "100.01"))
    at = post_transfer(client, body_for(source, target, "100.00"))

    assert (over.status_code, over.json()["code"], over.json()["limit"]) == (422, "limit.transfer", "100.00")
    assert at.status_code == 201


def test_a_day_at_the_limit_passes_and_a_cent_more_does_not(client, source, target):
    limited(source, transfer_day_max="100.00")
    assert post_transfer(client, body_for(source, target, "60.00")).status_code == 201

    over = post_transfer(client, body_for(source, target, "40.01"))
    at = post_transfer(client, body_for(source, target, "40.00"))
    beyond = post_transfer(client, body_for(source, target, "0.01"))

    assert (over.status_code, over.json()["code"], over.json()["left"]) == (422, "limit.day", "40.00")
    assert (at.status_code, beyond.json()["left"]) == (201, "0.00")


@pytest.mark.parametrize(("zone", "is_a_new_day"), [("Asia/Tokyo", True), ("UTC", False), ("Asia/Kolkata", False)])
def test_the_day_of_the_limit_is_the_banks(client, source, target, zone, is_a_new_day, monkeypatch):
    """15:00 UTC is midnight in Tokyo; what was sent a second before counts for the day that is over there."""
    source.bank.time_zone = zone
    limited(source, transfer_day_max="100.00")
    midnight = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    answers = []

    for moment in (midnight - timedelta(seconds=1), midnight, midnight + timedelta(seconds=1)):
        monkeypatch.setattr(transfers, "now", lambda moment=moment: moment)
        answers.append(post_transfer(client, body_for(source, target, "60.00")).status_code)

    assert answers == [201, 201 if is_a_new_day else 422, 422]


# Step-up


def test_from_the_threshold_on_a_token_for_exactly_this_is_asked_for(client, source, target, ana):
    limited(source, step_up_from="100.00")
    body = body_for(source, target, "100.00")
    asked = post_transfer(client, body)
    assert (asked.status_code, asked.json()["code"]) == (403, "step_up_required")
    assert asked.json()["action"] == "transfer.send"
    principal = principal_with_session(client)

    for_another = token_for(principal, {**asked.json()["parameters"], "amount": "99.00"})
    wrong = post_transfer(client, body, HTTP_X_STEP_UP_TOKEN=for_another)
    token = token_for(principal, asked.json()["parameters"])
    right = post_transfer(client, body, HTTP_X_STEP_UP_TOKEN=token)
    spent = post_transfer(client, body, HTTP_X_STEP_UP_TOKEN=token)

    assert [one.status_code for one in (wrong, right, spent)] == [403, 201, 403]
    assert Transfer.objects.get().is_confirmed


def principal_with_session(client):
    return principal_from_token(client._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer "))


def token_for(principal, parameters):
    return step_up.issue(actor=principal, action="transfer.send", parameters=parameters, password=PASSWORD)


def test_small_ones_add_up_to_the_threshold(client, source, target):
    """Whoever stole a token cannot send the same in pieces."""
    limited(source, step_up_from="100.00")

    answers = [post_transfer(client, body_for(source, target, "40.00")).status_code for _ in range(3)]

    assert answers == [201, 201, 403]


def test_between_own_accounts_no_token_is_asked_for(client, source, ana):
    limited(source, step_up_from="100.00")
    savings = account_of(ana, bank=source.bank)

    answer = post_transfer(client, {"source": str(source.pk), "target": str(savings.pk), "amount": "400.00"})

    assert answer.status_code == 201


# Reading


def test_a_list_has_everything_once_and_costs_the_same_however_long(
    client, ana, source, target, django_assert_max_num_queries
):
    savings = account_of(ana, bank=source.bank)
    sent = [send(source, target, "1.00") for _ in range(3)]
    sent.append(send(source, savings, "2.00"))

    with django_assert_max_num_queries(4):
        page = client.get("/api/transfers/?cursor=&page_size=3").json()
    rest = client.get(f"/api/transfers/?cursor={page['next']}&page_size=3").json()

    found = [row["id"] for row in page["results"] + rest["results"]]
    assert found == [str(one.pk) for one in reversed(sent)]
    assert rest["next"] is None
    only = client.get(f"/api/transfers/?account={savings.pk}").json()["results"]
    assert [row["amount"] for row in only] == ["2.00"]
    assert client.get(f"/api/transfers/?account={target.pk}").status_code == 404
    assert client.get("/api/transfers/?state=lost").status_code == 400
    assert client.get(f"/api/transfers/{uuid.uuid4()}/").status_code == 404
