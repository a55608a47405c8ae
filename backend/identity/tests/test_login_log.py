"""S1-R5 to S1-R9: `/api/users/loginLog/`. Everybody reads their own; only superusers write by hand."""

import uuid
from datetime import UTC, datetime

import pytest

from backend.audit.models import AuditLog
from backend.identity.models import LoginLog
from backend.identity.tests.attempts import UNSIGNED, WRONG, attempt
from backend.identity.tests.doors import rows

LOGS = "/api/users/loginLog/"
ENTRY = {
    "creation_date": "2026-03-04",
    "creation_time": "10:20:30",
    "platform_OS": "Web",
    "successful": True,
    "description": "By hand",
}
FORBIDDEN = {"detail": "Only superusers write to the login log by hand.", "code": "forbidden"}


def one(log) -> str:
    return f"{LOGS}{log.pk}/"


def logged(user, *moments: str) -> list[LoginLog]:
    """Make one entry for each moment."""
    made = [LoginLog.objects.create(user=user, platform_os="Web", description=moment) for moment in moments]
    times = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in moments]
    [LoginLog.objects.filter(pk=log.pk).update(at=at) for log, at in zip(made, times, strict=True)]
    return made


@pytest.fixture
def ana(make_user):
    return make_user(email="ana@example.com")


@pytest.mark.django_db
def test_one_reads_ones_own_attempts_newest_first(ana, make_user, client_of):
    """S1-R5, S1-B3, BUG-S1-11."""
    make_user(email="bob@example.com")
    attempt("s1", "ana@example.com", WRONG)
    attempt("s1", "bob@example.com")
    attempt("s1", "ana@example.com")

    answer = client_of(ana).get(LOGS)

    newest, oldest = LoginLog.objects.filter(user=ana).order_by("-at")
    assert (answer.status_code, answer.json()) == (
        200,
        [
            {
                "id": str(log.pk),
                "user": ana.pk,
                "creation_date": log.at.strftime("%Y-%m-%d"),
                "creation_time": log.at.strftime("%H:%M:%S"),
                "platform_OS": "",
                "successful": successful,
                "description": words,
            }
            for log, successful, words in ((newest, True, "Login Successful"), (oldest, False, "Login Failed"))
        ],
    )


@pytest.mark.django_db
def test_nobody_is_401(anybody, ana):
    (log,) = logged(ana, "2026-03-01T00:00:00")

    answers = [anybody.get(LOGS), anybody.post(LOGS, ENTRY), anybody.get(one(log)), anybody.delete(one(log))]

    assert [(answer.status_code, answer.json()) for answer in answers] == [(401, UNSIGNED)] * 4


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param({}, [4, 3, 2, 1], id="everything"),
        pytest.param({"start_date": "2026-03-02"}, [4, 3, 2], id="from a day to today"),
        pytest.param({"end_date": "2026-03-02"}, [2, 1], id="to a day"),
        pytest.param({"start_date": "2026-03-02", "end_date": "2026-03-02"}, [2], id="one day, to its last moment"),
        pytest.param({"start_date": "2026-03-02", "end_date": "2026-03-03"}, [3, 2], id="two days"),
        pytest.param({"start_time": "09:00:00", "end_time": "11:00:00"}, [3, 1], id="an hour of every day"),
        pytest.param({"start_time": "10:00:00", "end_time": "10:00:00"}, [1], id="one second of every day"),
        pytest.param({"start_time": "23:00:00"}, [2], id="from an hour"),
        pytest.param({"end_time": "01:00:00"}, [4], id="to an hour"),
        pytest.param({"start_date": "2026-03-02", "end_time": "11:00:00"}, [4, 3], id="both"),
        pytest.param({"start_date": "", "end_time": ""}, [4, 3, 2, 1], id="empty is none"),
        pytest.param({"start_date": "2000-01-01", "end_date": "2000-01-02"}, [], id="nothing there"),
    ],
)
def test_dates_and_times_of_day_filter(ana, client_of, asked, found):
    """S1-R5, S1-B11, BUG-S1-5: dates in UTC, bounds included."""
    logged(
        ana, "2026-03-01T10:00:00.500000", "2026-03-02T23:59:59.900000", "2026-03-03T10:30:00", "2026-03-04T00:30:00"
    )

    answer = client_of(ana).get(LOGS, asked)

    assert answer.status_code == 200
    assert [int(entry["creation_date"][-2:]) for entry in answer.json()] == found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "errors"),
    [
        pytest.param({"start_date": "04.03.2026"}, {"start_date": ["Write it as YYYY-MM-DD."]}, id="another form"),
        pytest.param({"end_date": "2026-02-30"}, {"end_date": ["Write it as YYYY-MM-DD."]}, id="no such day"),
        pytest.param({"end_date": "20260302"}, {"end_date": ["Write it as YYYY-MM-DD."]}, id="without dashes"),
        pytest.param({"start_date": "2026-W09-1"}, {"start_date": ["Write it as YYYY-MM-DD."]}, id="a week"),
        pytest.param({"start_time": "25:00:00"}, {"start_time": ["Write it as HH:MM:SS."]}, id="no such hour"),
        pytest.param({"start_time": "10"}, {"start_time": ["Write it as HH:MM:SS."]}, id="hours only"),
        pytest.param(
            {"start_time": "10:00:00", "end_time": "11:00:00+02:00"},
            {"end_time": ["Write it as HH:MM:SS."]},
            id="a time zone",
        ),
        pytest.param({"start_time": "\x00"}, {"start_time": ["Write it as HH:MM:SS."]}, id="NUL"),
        pytest.param(
            {"start_date": "2026-03-03", "end_date": "2026-03-02"},
            {"start_date": ["The start is after the end."]},
            id="the wrong way round",
        ),
        pytest.param({"start_date": "2999-01-01"}, {"start_date": ["The start is after the end."]}, id="after today"),
        pytest.param(
            {"start_time": "11:00:00", "end_time": "10:00:00"},
            {"start_time": ["The start is after the end."]},
            id="times the wrong way round",
        ),
    ],
)
def test_a_malformed_filter_is_400(ana, client_of, asked, errors):
    """S1-R5, E-S1-9."""
    client = client_of(ana)
    client.raise_request_exception = False

    answer = client.get(LOGS, asked)

    assert (answer.status_code, answer.json()) == (400, errors)


@pytest.mark.django_db
def test_a_list_costs_one_query_however_long(ana, client_of, django_assert_num_queries):
    logged(ana, *(f"2026-03-01T10:00:{second:02}" for second in range(30)))
    client = client_of(ana)
    client.get(LOGS)

    with django_assert_num_queries(1):
        assert len(client.get(LOGS).json()) == 30


# One entry


@pytest.mark.django_db
def test_one_reads_ones_own_entry_and_nobody_elses(ana, make_user, client_of):
    """S1-R7: also staff see their own only."""
    (log,) = logged(ana, "2026-03-01T10:00:00")
    gone = f"{LOGS}{uuid.uuid4()}/"

    owner = client_of(ana).get(one(log))
    others = [client_of(make_user(**flags)).get(one(log)) for flags in ({}, {"is_staff": True})]

    assert (owner.status_code, owner.json()["id"]) == (200, str(log.pk))
    assert [(answer.status_code, answer.json()) for answer in [*others, client_of(ana).get(gone)]] == [
        (404, {"detail": "Not found.", "code": "not_found"})
    ] * 3


@pytest.mark.django_db
def test_a_superuser_reads_any_entry(ana, make_user, client_of):
    """S1-R7."""
    (log,) = logged(ana, "2026-03-01T10:00:00")

    answer = client_of(make_user(is_superuser=True)).get(one(log))

    assert (answer.status_code, answer.json()["user"]) == (200, ana.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("flags", [{}, {"is_staff": True}], ids=["a customer", "staff"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nobody_but_superusers_writes_to_the_log(ana, make_user, client_of, flags, method):
    """S1-R6, S1-R8, S1-R9, BUG-S1-12: not even to one's own entries."""
    writer = make_user(**flags)
    (log,) = logged(writer, "2026-03-01T10:00:00")
    before, was = rows(), LoginLog.objects.values().get()
    client = client_of(writer)

    answer = getattr(client, method)(LOGS if method == "post" else one(log), ENTRY)

    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert LoginLog.objects.values().get() == was
    assert rows() == {**before, "Session": before["Session"] + 1, "SecurityEvent": 1}


@pytest.mark.django_db
def test_a_superuser_writes_an_entry_for_anybody(ana, make_user, client_of):
    """S1-R6: at the time that it names."""
    chief = make_user(is_superuser=True)

    answer = client_of(chief).post(LOGS, {**ENTRY, "user": ana.pk})

    log = LoginLog.objects.get()
    assert (answer.status_code, answer.json()) == (201, {**ENTRY, "id": str(log.pk), "user": ana.pk})
    assert log.at == datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC)
    audit = AuditLog.objects.get(action="login_log.written")
    assert (audit.actor_id, audit.target_type, audit.target_id) == (chief.pk, "identity.loginlog", str(log.pk))


@pytest.mark.django_db
def test_without_a_user_the_entry_is_the_writers(make_user, client_of):
    """S1-R6."""
    chief = make_user(is_superuser=True)

    assert client_of(chief).post(LOGS, ENTRY).json()["user"] == chief.pk


@pytest.mark.django_db
@pytest.mark.parametrize("user_id", [10**6, 10**18 * 9, -1])
def test_an_entry_for_an_unknown_user_is_404(make_user, client_of, user_id):
    client = client_of(make_user(is_superuser=True))
    before = rows()

    answer = client.post(LOGS, {**ENTRY, "user": user_id})

    assert (answer.status_code, answer.json()["code"]) == (404, "user.unknown")
    assert rows() == before


@pytest.mark.django_db
@pytest.mark.parametrize(("length", "status"), [(50, 201), (51, 400)])
def test_a_description_has_up_to_fifty_characters(make_user, client_of, length, status):
    """K-50."""
    answer = client_of(make_user(is_superuser=True)).post(LOGS, {**ENTRY, "description": "x" * length})

    assert answer.status_code == status
    assert LoginLog.objects.filter(description="x" * length).count() == (status == 201)


@pytest.mark.django_db
@pytest.mark.parametrize("missing", list(ENTRY))
@pytest.mark.parametrize("method", ["post", "put"])
def test_every_field_is_needed(ana, make_user, client_of, method, missing):
    """S1-R6, S1-R8."""
    (log,) = logged(ana, "2026-03-01T10:00:00")
    client = client_of(make_user(is_superuser=True))
    before = rows()

    body = {name: value for name, value in ENTRY.items() if name != missing}
    answer = getattr(client, method)(LOGS if method == "post" else one(log), body)

    assert (answer.status_code, answer.json()) == (400, {missing: ["This field is required."]})
    assert rows() == before


@pytest.mark.django_db
def test_a_superuser_corrects_an_entry_whose_it_is_stays(ana, make_user, client_of):
    """S1-R8, BUG-S1-11."""
    (log,) = logged(ana, "2026-03-01T10:00:00")
    chief = make_user(is_superuser=True)

    answer = client_of(chief).put(one(log), {**ENTRY, "user": chief.pk})

    assert (answer.status_code, answer.json()) == (200, {**ENTRY, "id": str(log.pk), "user": ana.pk})
    assert AuditLog.objects.filter(action="login_log.changed", actor_id=chief.pk, target_id=str(log.pk)).count() == 1


@pytest.mark.django_db
def test_a_superuser_deletes_an_entry_and_that_stays_known(ana, make_user, client_of):
    """S1-R9."""
    (log,) = logged(ana, "2026-03-01T10:00:00")
    client = client_of(make_user(is_superuser=True))

    answers = [client.delete(one(log)), client.delete(one(log)), client.put(one(log), ENTRY)]

    assert [answer.status_code for answer in answers] == [204, 404, 404]
    assert not LoginLog.objects.exists()
    assert AuditLog.objects.get(action="login_log.deleted").target_id == str(log.pk)
