"""A transfer that fraud holds: its money waits, a person decides, or its time runs out. Once, whoever comes at once."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.audit.models import AuditLog
from backend.banking import tasks
from backend.banking.models import Account, Hold, Transfer
from backend.banking.tests.factories import make_bank
from backend.banking.tests.people_factories import account_of, balances, body_for, post_transfer, send
from backend.fraud.models import FraudAlert
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db

LARGE = "12000.00"


@pytest.fixture
def source(make_user):
    bank = make_bank(step_up_from="20000.00")
    return account_of(make_user(first_name="Ana"), bank=bank, balance="15000.00", in_budget=True)


@pytest.fixture
def target(make_user, source):
    return account_of(make_user(first_name="Bob"), bank=source.bank, in_budget=True)


@pytest.fixture
def held(source, target):
    return send(source, target, LARGE)


@pytest.fixture
def desk(client_of, make_user):
    return client_of(make_user("BANK_ADMIN"))


def heard(account):
    rows = Event.objects.filter(topic__key=f"user.{account.customer.user_id}", kind__startswith="transfer.")
    return [row.kind for row in rows.order_by("seq")]


def decide(desk, verdict):
    alert = FraudAlert.objects.get()
    return desk.post(f"/api/fraud-alerts/{alert.alert_id}/decide/", {"verdict": verdict, "reason": "I have looked."})


def state(transfer):
    return Transfer.objects.values_list("state", "reason").get(pk=transfer.pk)


def test_its_money_is_held_and_both_sides_hear_that_it_is_checked(client_of, source, target):
    answer = post_transfer(client_of(source.customer.user), body_for(source, target, LARGE))

    assert (answer.status_code, answer.json()["state"], answer.json()["decided_at"]) == (202, "held", None)
    assert balances(source, target) == ["15000.00", "0.00"]
    assert Account.objects.get(pk=source.pk).available == 3000
    assert (heard(source), heard(target)) == (["transfer.held"], ["transfer.held"])
    transfer = Transfer.objects.get()
    assert transfer.hold.expires_at > datetime.now(UTC) + timedelta(hours=23)
    assert FraudAlert.objects.get().subject_id == str(transfer.pk)
    words = str(answer.json()).lower()
    assert not [secret for secret in ("fraud", "score", "alert") if secret in words]


def test_what_is_held_cannot_be_spent_and_counts_towards_the_day(client_of, source, target, held):
    client = client_of(source.customer.user)

    spent = post_transfer(client, body_for(source, target, "3000.01"))
    source.bank.transfer_day_max = "12500.00"
    source.bank.save()
    over = post_transfer(client, body_for(source, target, "500.01"))

    assert [one.json()["code"] for one in (spent, over)] == ["funds.insufficient", "limit.day"]


def test_released_it_is_posted_and_both_sides_and_budgets_hear(desk, source, target, held):
    answer = decide(desk, "release")

    assert answer.status_code == 200, answer.content
    assert state(held) == ("posted", "")
    assert balances(source, target) == ["3000.00", "12000.00"]
    assert Account.objects.get(pk=source.pk).held == 0
    assert heard(target) == ["transfer.held", "transfer.posted"]
    assert AuditLog.objects.get(action="transfer.released").target_id == str(held.pk)


def test_rejected_it_gives_the_money_back(desk, source, target, held):
    assert decide(desk, "reject").status_code == 200

    assert state(held) == ("voided", "rejected")
    assert (balances(source, target), Account.objects.get(pk=source.pk).held) == (["15000.00", "0.00"], 0)
    assert (heard(source), heard(target)) == (["transfer.held", "transfer.voided"],) * 2
    assert decide(desk, "release").status_code == 409


def test_when_its_time_runs_out_it_gives_the_money_back_and_both_sides_hear(source, target, held):
    tasks.expire_holds()
    assert state(held) == ("held", "")
    Hold.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    tasks.expire_holds()
    tasks.expire_holds()

    assert state(held) == ("voided", "timed_out")
    assert (Hold.objects.get().state, FraudAlert.objects.get().status) == ("expired", "EXPIRED")
    assert (heard(source), heard(target)) == (["transfer.held", "transfer.voided"],) * 2
    assert (balances(source, target), Account.objects.get(pk=source.pk).available) == (["15000.00", "0.00"], 15000)


@pytest.mark.parametrize("obstacle", ["kyc", "source", "target"])
def test_what_can_no_longer_be_posted_stays_for_the_desk_to_reject(desk, source, target, held, obstacle):
    if obstacle == "kyc":
        type(source.customer.user).objects.filter(pk=source.customer.user_id).update(kyc_status="REJECTED")
    else:
        Account.objects.filter(pk={"source": source.pk, "target": target.pk}[obstacle]).update(status="frozen")

    released = decide(desk, "release")

    assert released.status_code in (403, 422)
    assert (state(held), FraudAlert.objects.get().status in FraudAlert.UNDECIDED) == (("held", ""), True)
    assert decide(desk, "reject").status_code == 200
    assert state(held) == ("voided", "rejected")
