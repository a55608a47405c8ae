"""Rules by two people: draft, dry run, publish, retire, snooze (issue 09)."""

import copy
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backend.audit.models import AuditLog
from backend.fraud import tasks
from backend.fraud.models import DryRun, RuleSet, Snooze
from backend.fraud.services import dryruns
from backend.fraud.shipped import VERSION_1
from backend.fraud.tests.made import assess, held, unfreeze

pytestmark = pytest.mark.django_db
RULES = "/api/fraud/rules/"
SNOOZES = "/api/fraud/snoozes/"


@pytest.fixture
def writer(make_user):
    return make_user("BANK_ADMIN")


@pytest.fixture
def desk(writer, client_of):
    return client_of(writer)


@pytest.fixture
def admin_desk(make_user):
    chief, site = make_user("BANK_ADMIN", is_staff=True, is_superuser=True), Client()
    site.force_login(chief)
    return chief, site


@pytest.fixture
def second(make_user, client_of):
    return client_of(make_user("BANK_ADMIN"))


@pytest.fixture
def run_jobs(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def stricter(**changes) -> dict:
    """Hold from 1,000 on, and say nothing of many transfers in an hour."""
    document = copy.deepcopy(VERSION_1)
    document["transfer_amount"]["steps"] = [{"over": {"*": "1000.00"}, "points": 80}]
    document["hour_count"]["steps"] = [{"over": 10, "points": 0}]
    return {**document, **changes}


def state() -> tuple:
    return list(RuleSet.objects.order_by("pk").values()), AuditLog.objects.count()


def test_a_version_is_drafted_by_one_and_put_into_force_by_another(desk, second, writer):
    assess(amount=Decimal("1500.00"))
    draft = desk.post(RULES, {"rules": stricter(), "note": "Stricter."}).json()
    own = desk.post(f"{RULES}2/publish/", {"revision": 1})
    before = assess(amount=Decimal("1500.00"))

    published = second.post(f"{RULES}2/publish/", {"revision": 1}).json()
    after = assess(amount=Decimal("1500.00"))

    assert (draft["version"], draft["state"], draft["created_by_id"]) == (2, "DRAFT", writer.pk)
    assert (own.status_code, own.json()["code"]) == (409, "fraud.rules_second_person_needed")
    assert (before.hold, before.assessment.rule_set.version) == (False, 1)
    assert (published["state"], after.hold, after.assessment.rule_set.version) == ("PUBLISHED", True, 2)
    old = desk.get(f"{RULES}1/").json()
    assert (old["state"], old["rules"]) == ("RETIRED", VERSION_1)
    assert AuditLog.objects.get(action="fraud.rules_published").facts == {"version": 2, "instead_of": 1}


def test_whoever_changed_a_draft_does_not_publish_it_either(desk, second, make_user, client_of):
    desk.post(RULES, {"rules": stricter()})
    changed = second.patch(f"{RULES}2/", {"revision": 1, "note": "Better."}).json()

    answers = [
        second.post(f"{RULES}2/publish/", {"revision": 2}).status_code,
        client_of(make_user("BANK_ADMIN")).post(f"{RULES}2/publish/", {"revision": 2}).status_code,
    ]

    assert (changed["revision"], answers) == (2, [409, 200])


def test_a_draft_that_somebody_else_changed_is_read_again_first(desk, second):
    desk.post(RULES, {})
    desk.patch(f"{RULES}2/", {"revision": 1, "rules": stricter()})
    before = state()

    answers = [
        second.patch(f"{RULES}2/", {"revision": 1, "note": "x"}),
        second.post(f"{RULES}2/publish/", {"revision": 1}),
    ]

    assert {(one.status_code, one.json()["code"], one.json()["revision"]) for one in answers} == {
        (409, "fraud.rules_stale", 2)
    }
    assert state() == before


def test_what_was_in_force_is_neither_changed_nor_given_up(desk, second):
    before = state()

    answers = [
        desk.patch(f"{RULES}1/", {"revision": 1, "rules": stricter()}),
        desk.post(f"{RULES}1/publish/", {"revision": 1}),
        desk.post(f"{RULES}1/retire/"),
        desk.post(f"{RULES}99/retire/"),
        desk.post(RULES, {"based_on": 99}),
    ]

    assert [one.status_code for one in answers] == [409, 409, 409, 404, 404]
    assert (answers[0].json()["state"], state()) == ("PUBLISHED", before)


def test_a_draft_is_given_up(desk, second):
    desk.post(RULES, {"based_on": 1})

    retired = desk.post(f"{RULES}2/retire/").json()

    assert (retired["state"], retired["rules"]) == ("RETIRED", VERSION_1)
    assert second.post(f"{RULES}2/publish/", {"revision": 1}).json()["state"] == "RETIRED"
    assert [one["version"] for one in desk.get(RULES).json()["results"]] == [2, 1]


@pytest.mark.parametrize("rules", [{}, {**VERSION_1, "night": 7}, {**VERSION_1, "extra": {}}])
def test_rules_that_could_not_run_are_not_stored(desk, rules):
    before = state()

    answer = desk.post(RULES, {"rules": rules})

    assert (answer.status_code, answer.json()["code"], state()) == (422, "fraud.rules_refused", before)


# Trying


def test_a_dry_run_says_what_would_become_of_the_last_month(desk, run_jobs, monkeypatch):
    """Counts, samples, newly held, alerted, cleared; what is older than 30 days is left alone."""
    monkeypatch.setattr(dryruns, "STEP", 2)
    for changes in ({"amount": Decimal("1500.00")}, {"count_1h": 12}, {}, {"amount": Decimal("12000.00")}):
        assess(**changes)
    old = assess(amount=Decimal("1500.00")).assessment
    unfreeze()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fraud_assessment SET at = now() - interval '31 days', id = -1 WHERE id = %s", [old.pk])
    desk.post(RULES, {"rules": stricter()})

    with run_jobs():
        started = desk.post(f"{RULES}2/dry-runs/")
    found = desk.get(f"/api/fraud/dry-runs/{started.json()['id']}/").json()

    assert (started.status_code, started.json()["state"], found["state"], found["version"]) == (
        202,
        "RUNNING",
        "DONE",
        2,
    )
    counts = found["counts"]
    assert {name: counts[name] for name in ("seen", "held", "alerted", "newly_held", "cleared", "unchanged")} == {
        **{"seen": 4, "held": 2, "alerted": 2},
        **{"newly_held": 1, "cleared": 1, "unchanged": 2},
    }
    assert counts["rules"]["transfer_amount"] == 2
    samples = {one["change"]: one for one in found["samples"]}
    assert (samples["newly_held"]["score"], samples["newly_held"]["amount"]) == (100, "1500.00")
    assert (samples["cleared"]["score_before"], samples["cleared"]["score"]) == (50, 0)


def test_a_dry_run_that_stopped_goes_on_where_it_was(desk, run_jobs, monkeypatch):
    monkeypatch.setattr(dryruns, "STEP", 1)
    for _ in range(3):
        assess()
    run_id = desk.post(f"{RULES}1/dry-runs/").json()["id"]  # Its job is lost: nothing commits here.
    again = desk.post(f"{RULES}1/dry-runs/").json()["id"]
    dryruns.step(dry_run_id=run_id)
    DryRun.objects.update(stepped_at=datetime.now(UTC) - timedelta(minutes=5))

    with run_jobs():
        tasks.resume_dry_runs()

    run = DryRun.objects.get()
    assert (again, run.state, run.counts["seen"]) == (run_id, "DONE", 3)


def test_a_dry_run_of_an_older_draft_makes_way(desk):
    desk.post(RULES, {})
    first = desk.post(f"{RULES}2/dry-runs/").json()
    desk.patch(f"{RULES}2/", {"revision": 1, "rules": stricter()})

    second = desk.post(f"{RULES}2/dry-runs/").json()

    assert (second["revision"], second["id"] != first["id"]) == (2, True)
    assert desk.get(f"/api/fraud/dry-runs/{first['id']}/").json()["state"] == "FAILED"


# Snoozing


def later(**more) -> str:
    return (datetime.now(UTC) + timedelta(**more)).isoformat()


def test_a_rule_is_snoozed_with_a_reason_and_an_end_and_wakes_early(desk, writer, make_user):
    user = make_user()
    asked = {"rule": "hour_count", "reason": "Pays a team.", "until": later(days=20), "user_id": user.pk}

    made = desk.post(SNOOZES, asked).json()
    asleep = assess(user, count_1h=12).score
    ended = [desk.delete(f"{SNOOZES}{made['id']}/").status_code for _ in range(2)]

    assert (made["created_by_id"], asleep, ended, assess(user, count_1h=12).score) == (writer.pk, 0, [204, 404], 50)
    assert desk.get(SNOOZES).json()["count"] == 0
    assert desk.get(SNOOZES, {"all": "1"}).json()["results"][0]["ended_by_id"] == writer.pk
    actions = AuditLog.objects.filter(subject_id=user.pk).values_list("action", flat=True)
    assert {"fraud.rule_snoozed", "fraud.snooze_ended"} <= set(actions)


@pytest.mark.parametrize(
    ("_case", "changes", "status"),
    [
        ("no such rule", {"rule": "nothing"}, 400),
        ("no reason", {"reason": " "}, 400),
        ("over", {"until": "2020-01-01T00:00:00Z"}, 422),
        ("too far", {"until": later(days=31)}, 422),
        ("for all, more than a day", {"account_id": "", "until": later(days=2)}, 422),
        ("nobody", {"account_id": "", "user_id": 2**62}, 422),
        ("two at once", {"user_id": 1}, 422),
    ],
)
def test_a_snooze_without_sense_is_refused(desk, _case, changes, status):
    asked = {"rule": "night", "reason": "x", "until": later(hours=1), "account_id": "a-1", **changes}

    assert (desk.post(SNOOZES, asked).status_code, Snooze.objects.count()) == (status, 0)


def test_nobody_snoozes_a_rule_for_themselves(desk, writer):
    """Neither by their name nor by an account that they have sent from."""
    assess(writer, account_id="mine")
    asked = {"rule": "night", "reason": "x", "until": later(hours=1)}

    answers = [desk.post(SNOOZES, {**asked, **whom}) for whom in ({"user_id": writer.pk}, {"account_id": "mine"})]

    assert ([one.status_code for one in answers], Snooze.objects.count()) == ([422, 422], 0)


def test_lists_of_rules_and_snoozes_cost_the_same_for_many(desk, make_user):
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert [desk.get(one).status_code for one in (RULES, SNOOZES)] == [200, 200]
        return len(asked)

    def one_more() -> None:
        desk.post(RULES, {})
        desk.post(SNOOZES, {"rule": "night", "reason": "x", "until": later(hours=1), "user_id": make_user().pk})

    one_more()
    few = cost()
    for _ in range(4):
        one_more()
    assert cost() == few


def test_the_desk_ends_a_snooze_on_the_admin_site_and_nobody_sees_there_what_is_about_them(make_user, admin_desk):
    chief, site = admin_desk
    until = datetime.now(UTC) + timedelta(hours=1)
    snooze = Snooze.objects.create(rule="night", account_id="a", reason="x", created_by=make_user(), until=until)
    own, another = held(chief), held(make_user())
    action = {"action": "end", "_selected_action": [str(snooze.pk)]}

    answers = [site.post("/adminsite/fraud/snooze/", action, follow=True) for _ in range(2)]
    pages = [site.get(f"/adminsite/fraud/fraudalert/{one.pk}/change/").status_code for one in (own, another)]

    snooze.refresh_from_db()
    assert (snooze.ended_by_id, "Ended: 1." in answers[0].text, "has ended" in answers[1].text) == (
        chief.pk,
        True,
        True,
    )
    assert (pages[0] == 200, pages[1]) == (False, 200)
    assert own.alert_id not in site.get("/adminsite/fraud/fraudalert/").text
