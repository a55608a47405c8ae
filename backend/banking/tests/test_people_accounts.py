"""`/api/banks/` and `/api/accounts/`: choosing a bank, opening, cash over the counter, freezing and closing."""

import uuid
from decimal import Decimal

import pytest

from backend.audit.models import AuditDetail, AuditLog
from backend.banking.models import Customer, Registration, Schedule, ScheduleState, Transfer
from backend.banking.services import accounts
from backend.banking.tests.factories import everything_stored, make_account, make_bank, make_loan, move
from backend.banking.tests.people_factories import account_of, balances, body_for, plan, post_transfer, verify
from backend.budget.models import Entry as BudgetEntry
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(make_user):
    return verify(make_user(first_name="Ana", last_name="Silva"))


@pytest.fixture
def admin(make_user):
    return make_user("BANK_ADMIN")


def notices(user):
    rows = Event.objects.filter(topic__key=f"user.{user.pk}").order_by("seq")
    return [row.kind for row in rows if row.kind != "session.revoked"]


# Banks and opening


def test_banks_are_found_by_name_and_say_what_counts_there(client_of, ana, settings):
    plain, own = make_bank(bank_name="River"), make_bank(bank_name="Riverside", transfer_max="7.00", country="Portugal")
    make_bank(bank_name="Hill")

    page = client_of(ana).get("/api/banks/?name=river&page_size=1").json()
    rest = client_of(ana).get(f"/api/banks/?name=river&cursor={page['next']}").json()

    found = page["results"] + rest["results"]
    assert [row["bank_id"] for row in found] == [str(own.pk), str(plain.pk)]
    assert [row["transfer_max"] for row in found] == ["7.00", str(settings.TRANSFER_MAX)]
    assert "manager" not in found[0]


def test_an_account_is_opened_at_a_bank_of_ones_choice_and_the_bank_knows_one_then(client_of, ana):
    bank = make_bank(currency="EUR")

    first = client_of(ana).post("/api/accounts/", {"bank": str(bank.pk)})
    second = client_of(ana).post("/api/accounts/", {"bank": str(bank.pk)})

    assert (first.status_code, second.status_code) == (201, 201)
    body = first.json()
    assert (body["currency"], body["balance"], body["status"], body["in_budget"]) == ("EUR", "0.00", "open", True)
    customer = Customer.objects.get(user=ana)
    assert (customer.name, customer.accounts.count()) == ("Ana Silva", 2)
    assert Registration.objects.filter(customer=customer, bank=bank).count() == 1
    assert notices(ana) == ["account.opened", "account.opened"]
    assert AuditLog.objects.filter(action="account.opened", actor_id=ana.pk, subject_id=ana.pk).count() == 2
    numbers = {row["account_number"] for row in client_of(ana).get("/api/accounts/").json()}
    assert len(numbers) == 2


def test_nobody_opens_one_unverified_at_no_bank_or_one_too_many(client_of, make_user, ana, settings):
    settings.ACCOUNTS_PER_BANK_MAX = 1
    bank, client, stranger = make_bank(), client_of(ana), client_of(make_user())
    client.post("/api/accounts/", {"bank": str(bank.pk)})
    before = everything_stored()

    unverified = stranger.post("/api/accounts/", {"bank": str(bank.pk)})
    nowhere = client.post("/api/accounts/", {"bank": str(uuid.uuid4())})
    too_many = client.post("/api/accounts/", {"bank": str(bank.pk)})

    answers = (unverified, nowhere, too_many)
    assert [(one.status_code, one.json()["code"]) for one in answers] == [
        (403, "kyc_required"),
        (404, "bank.unknown"),
        (422, "account.too_many"),
    ]
    assert everything_stored() == before


def test_accounts_of_another_currency_stay_out_of_the_budget(client_of, ana):
    dollars = client_of(ana).post("/api/accounts/", {"bank": str(make_bank().pk)}).json()
    euros = client_of(ana).post("/api/accounts/", {"bank": str(make_bank(currency="EUR").pk)}).json()
    assert (dollars["in_budget"], euros["in_budget"]) == (True, False)

    def switch(account, on):
        return client_of(ana).patch(f"/api/accounts/{account['account_id']}/", {"in_budget": on})

    assert switch(euros, True).status_code == 400
    assert switch(dollars, False).json()["in_budget"] is False
    assert switch(euros, True).json()["in_budget"] is True


# Cash


@pytest.mark.parametrize("role", ["BANK_ADMIN", "manager"])
def test_staff_of_the_bank_pays_cash_in_and_out_and_the_holder_hears_of_it(client_of, make_user, ana, role):
    teller = make_user() if role == "manager" else make_user(role)
    bank = make_bank(manager=teller if role == "manager" else None)
    account = account_of(ana, bank=bank, in_budget=True)
    client = client_of(teller)

    paid_in = client.post(f"/api/accounts/{account.pk}/deposits/", {"amount": "250.00"}, HTTP_IDEMPOTENCY_KEY="1")
    again = client.post(f"/api/accounts/{account.pk}/deposits/", {"amount": "250.00"}, HTTP_IDEMPOTENCY_KEY="1")
    paid_out = client.post(f"/api/accounts/{account.pk}/withdrawals/", {"amount": "40.00"})

    assert (paid_in.status_code, again.content, paid_out.status_code) == (201, paid_in.content, 201)
    assert (paid_in.json()["balance"], paid_out.json()["balance"]) == ("250.00", "210.00")
    assert paid_out.json()["amount"] == "-40.00"
    assert notices(ana) == ["account.moved", "account.moved"]
    assert list(AuditLog.objects.filter(target_id=account.pk).order_by("id").values_list("action", "actor_id")) == [
        ("account.deposited", teller.pk),
        ("account.withdrawn", teller.pk),
    ]
    booked = BudgetEntry.objects.filter(user=ana).order_by("amount").values_list("kind", "amount", "title")
    assert list(booked) == [
        ("expense", Decimal("40.00"), "Withdrawal"),
        ("income", Decimal("250.00"), "Deposit"),
    ]


def test_cash_is_refused_to_and_by_whom_it_must_be(client_of, make_user, ana, admin):
    stranger, elsewhere = make_user(), make_user()
    make_bank(manager=elsewhere)
    account = account_of(ana, balance="10.00")
    own = account_of(admin)
    frozen = account_of(make_user(), status="frozen")
    unverified = account_of(make_user())
    type(ana).objects.filter(pk=unverified.customer.user_id).update(kyc_status="EXPIRED")
    before = everything_stored()

    def pay(teller, to, kind="deposits", amount="5.00"):
        answer = client_of(teller).post(f"/api/accounts/{to.pk}/{kind}/", {"amount": amount})
        return answer.status_code, answer.json().get("code", "")

    assert pay(stranger, account) == (403, "account.bank_staff_only")
    assert pay(ana, account) == (403, "account.bank_staff_only")
    assert pay(elsewhere, account) == (404, "account.unknown")
    assert pay(admin, own) == (403, "account.own")
    assert pay(admin, frozen) == (422, "account.frozen")
    assert pay(admin, unverified) == (403, "kyc_required")
    assert pay(admin, account, "withdrawals", "10.01") == (422, "funds.insufficient")
    assert [pay(admin, account, amount=bad)[0] for bad in ("0", "-1", "1.001", "x")] == [400] * 4
    assert {**everything_stored(), "AuditLog": 0} == {**before, "AuditLog": 0}


# Freezing and closing (S2-B35)


def test_freezing_stops_money_both_ways_until_it_is_unfrozen_and_the_holder_reads_why(client_of, admin, ana, make_user):
    account, other = account_of(ana, balance="50.00"), account_of(make_user(), balance="50.00")
    desk, client = client_of(admin), client_of(ana)

    frozen = desk.post(f"/api/accounts/{account.pk}/freeze/", {"reason": "Please call us."})
    again = desk.post(f"/api/accounts/{account.pk}/freeze/", {"reason": "Please call us."})
    refused = post_transfer(client, body_for(account, other, "1.00"))
    seen = client.get(f"/api/accounts/{account.pk}/").json()
    thawed = desk.post(f"/api/accounts/{account.pk}/unfreeze/", {"reason": "They called."})

    assert [one.json()["status"] for one in (frozen, again, thawed)] == ["frozen", "frozen", "open"]
    assert (refused.status_code, seen["status"], seen["status_reason"]) == (422, "frozen", "Please call us.")
    assert post_transfer(client, body_for(account, other, "1.00")).status_code == 201
    told = ["account.frozen", "account.unfrozen", "transfer.posted"]
    assert notices(ana)[1:] == told  # behind what its opening balance told
    rows = AuditLog.objects.filter(action__in=["account.frozen", "account.unfrozen"])
    assert set(rows.values_list("actor_id", "subject_id")) == {(admin.pk, ana.pk)}
    details = AuditDetail.objects.filter(row_id__in=rows.values("id")).order_by("row_id")
    assert [detail.values["new"]["reason"] for detail in details] == ["Please call us.", "They called."]


def test_freezing_takes_staff_and_a_reason(client_of, make_user, admin, ana):
    account, own = account_of(ana), account_of(admin)
    before = everything_stored()

    def freeze(user, one, reason="Please call us."):
        answer = client_of(user).post(f"/api/accounts/{one.pk}/freeze/", {"reason": reason})
        return answer.status_code

    assert [freeze(ana, account), freeze(make_user("AUDITOR"), account), freeze(admin, own)] == [403, 403, 403]
    assert [freeze(admin, account, ""), freeze(admin, account, "x" * 201)] == [400, 400]
    assert {**everything_stored(), "AuditLog": 0} == {**before, "AuditLog": 0}


def test_a_manager_freezes_by_the_s0_door_and_the_holder_hears_of_it(client_of, make_user, ana):
    manager = make_user()
    account = account_of(ana, bank=make_bank(manager=manager))

    for active in (False, False, True):
        client_of(manager).patch(f"/api/account/{account.pk}/", {"is_active": active})

    assert notices(ana) == ["account.frozen", "account.unfrozen"]
    rows = AuditLog.objects.filter(target_id=str(account.pk), actor_id=manager.pk).order_by("id")
    assert list(rows.values_list("action", flat=True)) == ["account.frozen", "account.unfrozen"]
    told = Event.objects.get(topic__key=f"user.{ana.pk}", kind="account.frozen").payload
    assert told["reason"] == accounts.SWITCHED_OFF


def test_nobody_freezes_or_frees_an_account_of_their_own_by_the_s0_door(client_of, make_user):
    manager = make_user()
    account = account_of(manager, bank=make_bank(manager=manager), status="frozen")
    before = everything_stored()

    answer = client_of(manager).patch(f"/api/account/{account.pk}/", {"is_active": True, "monthly_debt": "1.00"})

    assert (answer.status_code, answer.json()["code"]) == (403, "account.own")
    assert {**everything_stored(), "AuditLog": 0} == {**before, "AuditLog": 0}


def test_an_empty_account_is_closed_by_its_holder_and_what_was_planned_stops(
    client_of, ana, make_user, django_capture_on_commit_callbacks
):
    account, other = account_of(ana, balance="1.00"), account_of(make_user())
    schedule = plan(account, other, "5.00")
    client = client_of(ana)
    refused = client.post(f"/api/accounts/{account.pk}/close/")
    assert (refused.status_code, refused.json()["reasons"]) == (409, ["There is money on it."])
    move(account, "-1.00")

    with django_capture_on_commit_callbacks(execute=True):
        closed = client.post(f"/api/accounts/{account.pk}/close/")
    again = client.post(f"/api/accounts/{account.pk}/close/")

    assert [(one.status_code, one.json()["status"]) for one in (closed, again)] == [(200, "closed")] * 2
    assert notices(ana)[-2:] == ["account.closed", "schedule.failed"]
    assert Schedule.objects.get(pk=schedule.pk).state == ScheduleState.STOPPED


def test_closing_waits_for_loans_and_for_money_that_is_being_checked(client_of, admin, ana, make_user):
    loaned, waiting = account_of(ana), account_of(ana)
    make_loan(loaned)
    sender = account_of(make_user(), bank=waiting.bank, balance="15000.00", in_budget=True)
    held = post_transfer(client_of(sender.customer.user), body_for(sender, waiting, "12000.00"), key="k")
    assert held.status_code == 403  # a step-up token is asked for; the bank asks for none below
    waiting.bank.step_up_from = Decimal("20000.00")
    waiting.bank.save()
    assert post_transfer(client_of(sender.customer.user), body_for(sender, waiting, "12000.00")).status_code == 202

    def close(account):
        answer = client_of(admin).post(f"/api/accounts/{account.pk}/close/", {"reason": "Asked for by letter"})
        return answer.status_code, answer.json().get("reasons")

    assert close(loaned) == (409, ["There is a loan on it."])
    assert close(waiting) == (409, ["Money for it is being checked."])
    assert Transfer.objects.get().state == "held"
    assert balances(sender) == ["15000.00"]


def test_closing_is_for_the_holder_and_the_banks_staff_with_a_reason(client_of, make_user, admin, ana):
    account = account_of(ana)

    def close(user, **body):
        return client_of(user).post(f"/api/accounts/{account.pk}/close/", body).status_code

    assert [close(make_user()), close(make_user("AUDITOR")), close(admin)] == [404, 404, 422]
    assert close(admin, reason="Asked for by letter") == 200
    assert close(admin, reason="Asked for by letter") == 200
    assert AuditLog.objects.filter(action="account.closed").count() == 1


def test_a_frozen_account_is_not_the_holders_to_close(client_of, ana):
    account = account_of(ana, status="frozen")

    assert client_of(ana).post(f"/api/accounts/{account.pk}/close/").json()["code"] == "account.frozen"


# Limits


def test_a_banks_manager_sets_what_may_be_sent_there(client_of, make_user, ana):
    manager, stranger = make_user(), make_user()
    bank = make_bank(manager=manager)
    body = {"transfer_max": "5.00", "transfer_day_max": None, "step_up_from": "1.00"}
    path = f"/api/banks/{bank.pk}/limits/"

    assert client_of(stranger).put(path, body).status_code == 404
    assert client_of(manager).put(path, {**body, "transfer_max": "0"}).status_code == 400
    answer = client_of(manager).put(path, body)

    assert (answer.status_code, answer.json()["transfer_max"], answer.json()["step_up_from"]) == (200, "5.00", "1.00")
    assert AuditLog.objects.get(action="bank.limits_changed").facts["transfer_max"] == {"old": None, "new": "5.00"}
    account, other = account_of(ana, bank=bank, balance="50.00"), make_account(bank)
    assert post_transfer(client_of(ana), body_for(account, other, "5.01")).json()["code"] == "limit.transfer"


# Entries


def test_what_moved_is_listed_newest_first_at_a_constant_cost(client_of, ana, make_user, django_assert_max_num_queries):
    account, other = account_of(ana, balance="50.00"), account_of(make_user(first_name="Bob"), balance="9.00")
    client = client_of(ana)
    post_transfer(client, body_for(account, other, "20.00", payee_name="Bobby", memo="Thanks"))
    post_transfer(client_of(other.customer.user), body_for(other, account, "5.00"))
    client.get("/api/accounts/")

    with django_assert_max_num_queries(2):
        page = client.get(f"/api/accounts/{account.pk}/entries/?cursor=&page_size=2").json()
    rest = client.get(f"/api/accounts/{account.pk}/entries/?cursor={page['next']}").json()

    shown = [
        (row["what"], row["amount"], row["balance"], row["counterparty"], row["memo"])
        for row in page["results"] + rest["results"]
    ]
    assert shown == [
        ("transfer", "5.00", "35.00", "Bob", ""),
        ("transfer", "-20.00", "30.00", "Bobby", "Thanks"),
        ("opening", "50.00", "50.00", "", ""),
    ]
    assert client.get(f"/api/accounts/{other.pk}/entries/").status_code == 404
