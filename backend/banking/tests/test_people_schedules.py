"""`/api/transfers/scheduled/`: planned once or again and again, each sent once, tried again, skipped, ended."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.audit.models import AuditLog
from backend.banking import tasks
from backend.banking.models import Account, AccountStatus, Rhythm, Schedule, ScheduleState, Transfer
from backend.banking.services import schedules
from backend.banking.services.schedules import TRIES
from backend.banking.tests.factories import everything_stored, make_bank, move
from backend.banking.tests.people_factories import account_of, balances, body_for, due, plan, verify
from backend.conftest import PASSWORD
from backend.identity.principals import principal_from_token
from backend.identity.services import step_up
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db

TODAY = datetime.now(UTC).date()


@pytest.fixture
def ana(make_user):
    return verify(make_user(first_name="Ana"))


@pytest.fixture
def source(ana):
    return account_of(ana, balance="100.00")


@pytest.fixture
def target(make_user):
    return account_of(make_user())


@pytest.fixture
def client(client_of, ana):
    return client_of(ana)


def failures(user):
    rows = Event.objects.filter(topic__key=f"user.{user.pk}", kind="schedule.failed").order_by("seq")
    return [(row.payload["code"], row.payload["will_retry"]) for row in rows]


def post(client, body, key="k", **headers):
    return client.post("/api/transfers/scheduled/", body, HTTP_IDEMPOTENCY_KEY=key, **headers)


def test_one_is_planned_listed_and_sent_on_its_day(client, source, target, django_capture_on_commit_callbacks):
    body = {**body_for(source, target, "30.00", memo="Rent"), "rhythm": "monthly", "starts_on": str(TODAY)}
    made, again = post(client, body), post(client, body)
    assert (made.status_code, again.content) == (201, made.content)
    assert post(client, {**body, "amount": "31.00"}).status_code == 422
    listed = client.get("/api/transfers/scheduled/").json()["results"]
    assert [(row["id"], row["state"], row["due_on"]) for row in listed] == [(made.json()["id"], "active", str(TODAY))]
    due(Schedule.objects.get())

    with django_capture_on_commit_callbacks(execute=True):
        tasks.run_schedules()
        tasks.run_schedules()

    transfer = Transfer.objects.get()
    assert (transfer.state, transfer.due_on, transfer.memo, transfer.actor_id) == ("posted", TODAY, "Rent", None)
    assert balances(source, target) == ["70.00", "30.00"]
    schedule = Schedule.objects.get()
    assert (schedule.position, schedule.state, schedule.due_on > TODAY) == (1, "active", True)
    assert client.get(f"/api/transfers/{transfer.pk}/").json()["schedule_id"] == made.json()["id"]


def test_a_single_one_is_over_when_it_was_sent(source, target):
    schedule = due(plan(source, target))

    assert [schedules.run_one(schedule_id=schedule.pk) for _ in range(2)] == [True, False]
    schedule.refresh_from_db()
    assert (schedule.state, schedule.due_on, Transfer.objects.count()) == (ScheduleState.ENDED, None, 1)


def test_what_is_not_due_is_not_sent(source, target):
    schedule = plan(source, target, starts_on=TODAY + timedelta(days=1))

    assert schedules.run_one(schedule_id=schedule.pk) is False
    assert schedules.due_now() == []


def test_the_day_is_the_banks(ana, target):
    tokyo = account_of(ana, bank=make_bank(time_zone="Asia/Tokyo"), balance="10.00")
    day = TODAY + timedelta(days=2)

    schedule = plan(tokyo, account_of(ana, bank=tokyo.bank), starts_on=day)

    assert schedule.due_at == datetime(day.year, day.month, day.day, 21, tzinfo=UTC) - timedelta(days=1)


BAD = {
    "yesterday": ({"starts_on": str(TODAY - timedelta(days=2))}, "starts_on"),
    "in three years": ({"starts_on": str(TODAY + timedelta(days=1100))}, "starts_on"),
    "ends before it starts": ({"ends_on": str(TODAY - timedelta(days=1))}, "ends_on"),
    "once with an end": ({"rhythm": "once", "ends_on": str(TODAY + timedelta(days=9))}, "ends_on"),
    "no rhythm": ({"rhythm": "daily"}, "rhythm"),
    "no day": ({"starts_on": "2027-02-30"}, "starts_on"),
    "no amount": ({"amount": "0"}, "amount"),
}


@pytest.mark.parametrize(("change", "field"), BAD.values(), ids=BAD)
def test_a_plan_that_makes_no_sense_is_refused(client, source, target, change, field):
    body = {**body_for(source, target, "5.00"), "rhythm": "weekly", "starts_on": str(TODAY + timedelta(days=1))}

    answer = post(client, {**body, **change})

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert Schedule.objects.count() == 0


def test_from_the_threshold_on_planning_takes_a_token_and_sending_none(client, source, target):
    source.bank.step_up_from = 20
    source.bank.save()
    body = {**body_for(source, target, "20.00"), "rhythm": "once", "starts_on": str(TODAY)}
    asked = post(client, body)
    principal = principal_from_token(client._credentials["HTTP_AUTHORIZATION"].removeprefix("Bearer "))
    assert (asked.status_code, asked.json()["action"]) == (403, "transfer.plan")
    token = step_up.issue(
        actor=principal, action="transfer.plan", parameters=asked.json()["parameters"], password=PASSWORD
    )

    made = post(client, body, HTTP_X_STEP_UP_TOKEN=token)

    assert made.status_code == 201
    assert schedules.run_one(schedule_id=due(Schedule.objects.get()).pk) is True


# Failing


def test_without_money_it_is_tried_again_on_the_same_day_and_told_once(source, target, ana, monkeypatch):
    schedule = due(plan(source, target, "150.00", rhythm=Rhythm.MONTHLY))
    monkeypatch.setattr(schedules, "TRY_AGAIN_AFTER", timedelta(0))
    assert schedules.run_one(schedule_id=schedule.pk) is False
    schedule.refresh_from_db()
    assert (schedule.attempts, schedule.failure, schedule.due_on) == (1, "funds.insufficient", TODAY)
    assert schedules.run_one(schedule_id=schedule.pk) is False
    move(source, "50.00")

    assert schedules.run_one(schedule_id=schedule.pk) is True

    schedule.refresh_from_db()
    assert (schedule.attempts, schedule.failure, schedule.position) == (0, "", 1)
    assert failures(ana) == [("funds.insufficient", True)]


def test_after_the_last_try_the_occurrence_is_given_up_and_the_next_one_waits(source, target, ana, monkeypatch):
    schedule = due(plan(source, target, "150.00", rhythm=Rhythm.WEEKLY))
    monkeypatch.setattr(schedules, "TRY_AGAIN_AFTER", timedelta(0))

    for _ in range(TRIES + 2):
        schedules.run_one(schedule_id=schedule.pk)

    schedule.refresh_from_db()
    assert (schedule.position, schedule.attempts, schedule.due_on) == (1, 0, TODAY + timedelta(weeks=1))
    assert failures(ana) == [("funds.insufficient", True), ("funds.insufficient", False)]
    assert Transfer.objects.count() == 0


def test_whoever_is_not_verified_any_more_sends_nothing_and_hears_so(source, target, ana):
    schedule = due(plan(source, target, rhythm=Rhythm.MONTHLY))
    type(ana).objects.filter(pk=ana.pk).update(kyc_status="EXPIRED")

    schedules.run_one(schedule_id=schedule.pk)

    schedule.refresh_from_db()
    assert (schedule.position, schedule.state) == (1, "active")
    assert failures(ana) == [("kyc_required", False)]


def test_to_a_closed_account_nothing_is_planned_any_more(source, target, ana):
    schedule = due(plan(source, target, rhythm=Rhythm.MONTHLY))
    Account.objects.filter(pk=target.pk).update(status=AccountStatus.CLOSED)

    schedules.run_one(schedule_id=schedule.pk)

    schedule.refresh_from_db()
    assert (schedule.state, schedule.due_on, schedule.failure) == (ScheduleState.STOPPED, None, "payee.unavailable")
    assert failures(ana) == [("payee.unavailable", False)]


def test_a_fault_of_ours_leaves_the_plan_as_it_is(source, target, monkeypatch):
    schedule = due(plan(source, target))
    before = everything_stored()

    def break_down(*args, **kwargs):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(schedules, "_move_on", break_down)
        with pytest.raises(RuntimeError):
            schedules.run_one(schedule_id=schedule.pk)

    assert everything_stored() == before
    assert schedules.run_one(schedule_id=schedule.pk) is True


# Changing


def test_the_next_one_is_skipped_once_whoever_clicks_twice(client, source, target):
    schedule = plan(source, target, rhythm=Rhythm.WEEKLY)
    path = f"/api/transfers/scheduled/{schedule.pk}/skip/"

    answers = [client.post(path, {"due_on": str(TODAY)}) for _ in range(2)]

    assert [one.status_code for one in answers] == [200, 400]
    assert answers[0].json()["due_on"] == str(TODAY + timedelta(weeks=1))
    assert AuditLog.objects.filter(action="schedule.skipped").count() == 1


def test_an_end_is_set_moved_and_taken_away(client, source, target):
    schedule = plan(source, target, rhythm=Rhythm.MONTHLY, starts_on=TODAY + timedelta(days=5))
    path = f"/api/transfers/scheduled/{schedule.pk}/"

    def end(day):
        return client.patch(path, {"ends_on": day and str(day)})

    assert end(TODAY).status_code == 400
    assert end(TODAY + timedelta(days=40)).json()["state"] == "active"
    assert end(None).json()["ends_on"] is None
    client.post(f"{path}skip/", {"due_on": str(schedule.due_on)})
    over = end(TODAY + timedelta(days=6))
    assert (over.json()["state"], over.json()["due_on"]) == ("ended", None)
    assert end(None).status_code == 409


def test_a_cancelled_one_is_never_sent(client, source, target):
    schedule = plan(source, target, rhythm=Rhythm.MONTHLY)
    path = f"/api/transfers/scheduled/{schedule.pk}/"

    answers = [client.delete(path) for _ in range(2)]
    skipped = client.post(f"{path}skip/", {"due_on": str(TODAY)})

    assert [(one.status_code, one.json()["state"]) for one in answers] == [(200, "cancelled")] * 2
    assert (skipped.status_code, skipped.json()["state"]) == (409, "cancelled")
    assert schedules.run_one(schedule_id=schedule.pk) is False


def test_another_persons_plan_does_not_exist(client_of, make_user, source, target):
    schedule = plan(source, target)
    stranger, path = client_of(verify(make_user())), f"/api/transfers/scheduled/{schedule.pk}/"

    answers = [
        stranger.get(path),
        stranger.patch(path, {"ends_on": None}),
        stranger.delete(path),
        stranger.post(f"{path}skip/", {"due_on": str(TODAY)}),
    ]

    assert [one.status_code for one in answers] == [404] * 4


def test_only_so_many_are_planned_from_an_account(client, source, target, monkeypatch):
    monkeypatch.setattr(schedules, "PER_ACCOUNT_MAX", 1)
    plan(source, target)

    body = {**body_for(source, target, "5.00"), "rhythm": "once", "starts_on": str(TODAY)}
    assert post(client, body).json()["code"] == "schedule.too_many"
