"""Many at once, with real threads on real PostgreSQL; and processes, one of them killed."""

import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from rest_framework.test import APIClient

from backend.banking import tasks
from backend.banking.models import Account, AccountStatus, Customer, Hold, Rhythm, Schedule, Transfer, TransferState
from backend.banking.services import freezes, openings, schedules
from backend.banking.tests.factories import make_bank
from backend.banking.tests.people_factories import (
    account_of,
    balances,
    body_for,
    due,
    plan,
    post_transfer,
    send,
    verify,
)
from backend.banking.verification import verify as verify_books
from backend.common.errors import DomainError
from backend.fraud.models import FraudAlert
from backend.fraud.services import reviews
from backend.identity.principals import principal_of
from backend.tests.commits import in_parallel
from backend.tests.servers import Server, database_url

pytestmark = pytest.mark.server

MANY, BURST = 20, 50


@pytest.fixture
def bank(live):
    """Everything here is committed, in the database of this worker's server."""
    return make_bank(transfer_day_max="100.00")


@pytest.fixture
def source(bank, make_user):
    return account_of(make_user(first_name="Ana"), bank=bank, balance="500.00")


@pytest.fixture
def target(bank, make_user):
    return account_of(make_user(first_name="Bob"), bank=bank)


def codes(outcomes):
    return Counter(one.code if isinstance(one, DomainError) else type(one).__name__ for one in outcomes)


def test_fifty_transfers_at_once_do_not_pass_the_days_limit_together(source, target):
    """Issue 09: the bank's hard limit."""
    outcomes = in_parallel(*[lambda: send(source, target, "10.00")] * BURST)

    assert codes(outcomes) == {"Transfer": 10, "limit.day": 40}
    assert balances(source, target) == ["400.00", "100.00"]
    assert verify_books().findings == []


def test_fifty_transfers_at_once_are_judged_as_if_one_came_after_the_other(bank, make_user):
    """Issue 09: fraud's limits. Held ones count as well, so the burst stops where the rules say, and stays stopped."""
    bank.transfer_day_max, bank.step_up_from = None, Decimal(99_999)
    bank.save()
    source, target = account_of(make_user(), bank=bank, balance="99999.00"), account_of(make_user(), bank=bank)

    outcomes = in_parallel(*[lambda: send(source, target, "900.00")] * BURST)

    # The 17th is over 10 transfers, 15,000 in the hour, and 15,000 on the day.
    assert Counter(one.state for one in outcomes) == {"posted": 16, "held": 34}
    assert balances(source, target) == ["85599.00", "14400.00"]
    assert verify_books().findings == []


def test_more_than_there_is_never_goes_out_to_several_at_once(bank, source, make_user):
    bank.transfer_day_max = None
    bank.save()
    payees = [account_of(make_user(), bank=bank) for _ in range(4)]

    outcomes = in_parallel(*[lambda to=payees[n % 4]: send(source, to, "60.00") for n in range(MANY)])

    assert codes(outcomes) == {"Transfer": 8, "funds.insufficient": 12}
    assert balances(source) == ["20.00"]


def test_one_key_sent_many_times_at_once_is_one_transfer(source, target, token_of):
    token, body = token_of(source.customer.user), body_for(source, target, "10.00")

    def ask():
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return post_transfer(client, body, key="once")

    answers = in_parallel(*[ask] * 8)

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert Transfer.objects.filter(source=source).count() == 1


def test_of_many_openings_at_once_no_more_than_one_may_have_succeed(bank, make_user):
    ana = verify(make_user())
    actor = principal_of(ana)

    outcomes = in_parallel(*[lambda: openings.open_own_account(actor=actor, bank_id=bank.pk)] * 8)

    assert codes(outcomes) == {"Account": 5, "account.too_many": 3}
    assert Account.objects.filter(customer__user=ana).count() == 5
    assert Customer.objects.filter(user=ana).count() == 1


def test_nothing_leaves_an_account_once_it_is_frozen(source, target, make_user):
    admin = principal_of(make_user("BANK_ADMIN"))

    def freeze():
        freezes.freeze_account(actor=admin, account_id=source.pk, reason="Stop.")
        return balances(source)[0]

    *outcomes, at_the_freeze = in_parallel(*[lambda: send(source, target, "5.00")] * 8, freeze)

    assert set(codes(outcomes)) <= {"Transfer", "account.frozen"}
    assert Account.objects.get(pk=source.pk).status == AccountStatus.FROZEN
    assert balances(source) == [at_the_freeze]


def test_a_plan_that_is_run_by_many_at_once_is_sent_once(source, target):
    schedule = due(plan(source, target, rhythm=Rhythm.MONTHLY))

    outcomes = in_parallel(*[lambda: schedules.run_one(schedule_id=schedule.pk)] * 8)

    assert Counter(outcomes) == {True: 1, False: 7}
    assert Transfer.objects.filter(schedule=schedule).count() == 1
    assert Schedule.objects.get(pk=schedule.pk).position == 1


@pytest.mark.parametrize("other", ["reject", "time"])
def test_a_held_transfer_is_decided_once_whoever_comes_at_the_same_moment(bank, make_user, other):
    bank.transfer_day_max, bank.step_up_from = None, Decimal(50_000)
    bank.save()
    sender = account_of(make_user(), bank=bank, balance="15000.00")
    transfer = send(sender, account_of(make_user(), bank=bank), "12000.00")
    assert transfer.state == TransferState.HELD
    alert_id = FraudAlert.objects.get(subject_id=str(transfer.pk)).alert_id
    first, second = (principal_of(make_user("BANK_ADMIN")) for _ in range(2))
    Hold.objects.filter(pk=transfer.hold_id).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))

    def decide(actor, verdict):
        return lambda: reviews.decide(actor=actor, alert_id=alert_id, verdict=verdict, reason="I have looked.")

    against = decide(second, "reject") if other == "reject" else tasks.expire_holds
    in_parallel(decide(first, "release"), against)

    transfer.refresh_from_db()
    account = Account.objects.get(pk=sender.pk)
    sent = transfer.state == TransferState.POSTED
    assert (account.balance, account.held) == ((Decimal(3000), 0) if sent else (Decimal(15000), 0))
    assert transfer.state in (TransferState.POSTED, TransferState.VOIDED)
    assert verify_books().findings == []


def test_an_approval_that_is_being_withdrawn_stops_what_comes_behind_it(source, target):
    """Whoever revokes holds the person's row; a transfer waits for it and is refused, or was there before."""
    user = source.customer.user

    def revoke():
        type(user).objects.filter(pk=user.pk).update(kyc_status="REJECTED")
        return balances(source)[0]

    *outcomes, at_the_end = in_parallel(*[lambda: send(source, target, "5.00")] * 8, revoke)

    assert set(codes(outcomes)) <= {"Transfer", "kyc_required"}
    assert balances(source) == [at_the_end]


def test_money_in_a_circle_by_four_processes_is_neither_lost_nor_made(live, make_user):
    bank = make_bank()
    ring = [account_of(make_user(), bank=bank, balance="50.00") for _ in range(4)]
    command = [sys.executable, "-m", "backend.banking.tests.senders", "12", *(str(one.pk) for one in ring)]
    told = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "djangocrud.settings_test",
        "DATABASE_URL": database_url(live.database),
    }
    root = Path(__file__).resolve().parents[3]

    processes = [subprocess.Popen(command, cwd=root, env=told, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    made = sum(int(process.communicate(timeout=120)[0]) for process in processes)

    rows = Transfer.objects.filter(source__in=ring)
    assert (rows.count(), sum(Decimal(one) for one in balances(*ring))) == (made, 200)
    assert made > 24
    assert verify_books().findings == []


@pytest.fixture
def doomed(live, tmp_path):
    """A second server process on the same database, to be killed."""
    server = Server(live.database, folder=tmp_path)
    with server.running():
        yield server


def test_a_server_that_is_killed_loses_no_transfer_and_doubles_none(live, doomed, make_user, token_of):
    """Each is sent with a key, to a server that dies without a word, and again to another with the same key."""
    bank = make_bank()
    pairs = [[account_of(make_user(), bank=bank, balance=balance) for balance in ("500.00", "0")] for _ in range(3)]
    tokens = [token_of(one.customer.user) for one, _ in pairs]
    answered, sent = {}, []

    def ask(server, place, key):
        body, headers = body_for(*pairs[place], "1.00"), {"Authorization": f"Bearer {tokens[place]}"}
        headers["Idempotency-Key"] = key
        return requests.post(f"{server.base_url}/api/transfers/", json=body, headers=headers, timeout=30)

    def keep_sending(place):
        for number in range(60):
            key = f"{place}-{number}-{uuid.uuid4().hex}"
            sent.append((place, key))
            try:
                answer = ask(doomed, place, key)
            except requests.ConnectionError:
                return
            if answer.status_code == 201:
                answered[key] = answer.json()["id"]

    threads = [threading.Thread(target=keep_sending, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(answered) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    doomed.kill()
    for thread in threads:
        thread.join()
    before = Transfer.objects.filter(source__bank=bank).count()

    again = {key: ask(live, place, key) for place, key in sent}

    assert {answer.status_code for answer in again.values()} <= {201, 202}
    assert all(again[key].json()["id"] == transfer_id for key, transfer_id in answered.items())
    ids = {answer.json()["id"] for answer in again.values()}
    rows = Transfer.objects.filter(source__bank=bank)
    assert (len(ids), rows.count(), before <= len(sent)) == (len(sent), len(sent), True)
    posted = rows.filter(state=TransferState.POSTED)
    assert sum(Decimal(one) for pair in pairs for one in balances(pair[1])) == posted.count()
    assert verify_books().findings == []
