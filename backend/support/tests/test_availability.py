"""When an agent is given chats: switched on, connected, on duty, and with room. By hand they take what they like."""

from datetime import UTC, datetime

import pytest

from backend.support.models import AgentStatus
from backend.support.services import agents
from backend.support.tests.factories import everything_stored, make_available, nobody_is_available, waiting_chat

URL = "/api/chats/availability/"
ALWAYS = [{"day": day, "start": "00:00", "end": "00:00"} for day in range(7)]


@pytest.fixture
def agent(make_user):
    nobody_is_available()
    made = make_user("SUPPORT_AGENT")
    make_available(made)
    return made


def _put(client, **changes):
    return client.put(URL, changes, format="json")


def _today(shift=0):
    return [{"day": (datetime.now(UTC).weekday() + shift) % 7, "start": "00:00", "end": "00:00"}]


@pytest.mark.django_db
def test_an_agent_sees_what_they_set_and_what_follows(agent, client_of):
    client = client_of(agent)

    before = client.get(URL).json()
    after = _put(client, is_switched_on=False, load_max=3, time_zone="Europe/Berlin", schedule=ALWAYS).json()

    assert before == {
        "is_switched_on": True,
        "is_available": True,
        "open_chats": 0,
        "load_max": 20,
        "own_load_max": None,
        "time_zone": "UTC",
        "schedule": [],
    }
    assert (after["is_switched_on"], after["is_available"], after["load_max"]) == (False, False, 3)
    assert after["schedule"] == ALWAYS
    assert client.get(URL).json() == after
    assert _put(client, load_max=None).json()["load_max"] == 20


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "changes", "is_given"),
    [
        ("nothing set", {}, True),
        ("switched off", {"is_switched_on": False}, False),
        ("on duty today", {"schedule": _today}, True),
        ("on duty tomorrow", {"schedule": lambda: _today(2)}, False),
        ("on duty always", {"schedule": ALWAYS}, True),
    ],
)
def test_a_new_chat_goes_only_to_who_is_available(agent, make_user, client_of, _case, changes, is_given):
    changes = {name: value() if callable(value) else value for name, value in changes.items()}
    client = client_of(agent)
    _put(client, **changes)

    chat = waiting_chat(make_user())

    assert (chat.admin_id == agent.pk) is is_given
    assert client.get(URL).json()["is_available"] is is_given
    if not is_given:
        assert client.post(f"/api/chats/{chat.pk}/take/").status_code == 200


@pytest.mark.django_db
def test_an_agent_who_is_full_is_given_no_more_and_may_take_more(agent, make_user, client_of):
    client = client_of(agent)
    _put(client, load_max=2)

    chats = [waiting_chat(make_user()) for _ in range(3)]

    assert [chat.admin_id for chat in chats] == [agent.pk, agent.pk, None]
    assert client.get(URL).json()["is_available"] is False
    assert client.post(f"/api/chats/{chats[2].pk}/take/").status_code == 200
    assert client.get(URL).json()["open_chats"] == 3


@pytest.mark.django_db
def test_who_has_room_is_found_behind_who_is_full_or_off_duty(agent, make_user, client_of):
    """The least busy first: but one that may not be given chats stands in nobody's way."""
    off, full = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    make_available(off, full)
    _put(client_of(off), schedule=_today(2))
    _put(client_of(full), load_max=1)

    given = [waiting_chat(make_user()).admin_id for _ in range(4)]

    assert sorted(given) == sorted([agent.pk, agent.pk, agent.pk, full.pk])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("load_max", 0),
        ("load_max", 101),
        ("load_max", "many"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("time_zone", ""),
        ("schedule", [{"day": 7, "start": "09:00", "end": "17:00"}]),
        ("schedule", [{"day": 0, "start": "25:00", "end": "17:00"}]),
        ("schedule", [{"day": 0, "start": "9", "end": "17:00"}]),
        ("schedule", [{"day": 0, "start": "09:00"}]),
        ("schedule", "always"),
        ("schedule", ALWAYS * 5),
        ("is_switched_on", "perhaps"),
    ],
)
def test_what_makes_no_sense_is_refused(agent, client_of, field, value):
    client, before = client_of(agent), everything_stored()

    answer = _put(client, **{field: value})

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert everything_stored() == before
    assert AgentStatus.objects.get(pk=agent.pk).schedule == []


@pytest.mark.parametrize(
    ("_case", "window", "zone", "moment", "expected"),
    [
        ("within", (0, "09:00", "17:00"), "UTC", "2026-11-23T12:00", True),  # a Monday
        ("at its start", (0, "09:00", "17:00"), "UTC", "2026-11-23T09:00", True),
        ("at its end", (0, "09:00", "17:00"), "UTC", "2026-11-23T17:00", False),
        ("another day", (0, "09:00", "17:00"), "UTC", "2026-11-24T12:00", False),
        ("before midnight", (0, "22:00", "06:00"), "UTC", "2026-11-23T23:00", True),
        ("after midnight", (0, "22:00", "06:00"), "UTC", "2026-11-24T05:59", True),
        ("the morning before", (0, "22:00", "06:00"), "UTC", "2026-11-23T05:00", False),
        ("Sunday night into Monday", (6, "22:00", "06:00"), "UTC", "2026-11-23T01:00", True),
        ("elsewhere it is morning", (0, "09:00", "17:00"), "America/New_York", "2026-11-23T13:30", False),
        ("and then day", (0, "09:00", "17:00"), "America/New_York", "2026-11-23T14:30", True),
        ("in summer an hour earlier", (0, "09:00", "17:00"), "America/New_York", "2026-07-20T13:30", True),
        ("elsewhere it is Monday already", (0, "09:00", "17:00"), "Pacific/Auckland", "2026-11-22T21:00", True),
    ],
)
def test_hours_are_those_of_the_agents_own_clock(_case, window, zone, moment, expected):
    status = AgentStatus(time_zone=zone, schedule=[dict(zip(("day", "start", "end"), window, strict=True))])

    assert agents.is_on_duty(status, datetime.fromisoformat(moment).replace(tzinfo=UTC)) is expected
