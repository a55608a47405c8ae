"""How long a waiting customer has still to wait, by how fast the desk has taken chats lately."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.identity.principals import principal_of
from backend.support import waits
from backend.support.models import Chat, Priority
from backend.support.services import triage
from backend.support.tests.factories import waiting_chat


@pytest.fixture
def desk(make_user):
    return make_user("SUPPORT_AGENT")


def taken(make_user, desk, *, minutes_ago, waited_s=60):
    chat = waiting_chat(make_user())
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    Chat.objects.filter(pk=chat.pk).update(admin=desk, assigned_at=at, created_at=at - timedelta(seconds=waited_s))


@pytest.mark.django_db
def test_the_estimate_goes_by_the_pace_of_the_last_two_hours(make_user, desk, client_of):
    for minutes in (5, 10, 15, 20, 200):
        taken(make_user, desk, minutes_ago=minutes)
    people = [make_user() for _ in range(3)]
    chats = [waiting_chat(person) for person in people]
    found = waits.waits_of([chat.pk for chat in chats])
    # Four in twenty minutes: one every five.
    assert [found[chat.pk].position for chat in chats] == [1, 2, 3]
    assert [found[chat.pk].estimate_s in (n * 300, n * 300 + 60) for n, chat in enumerate(chats, 1)] == [True] * 3
    client = client_of(people[1])
    opened = client.post("/api/chats/get-or-create/").json()
    assert (opened["queue_position"], opened["waiting_estimate_s"]) == (2, found[chats[1].pk].estimate_s)
    assert client.get(f"/api/chats/{chats[1].pk}/").json()["waiting_estimate_s"] == found[chats[1].pk].estimate_s


@pytest.mark.django_db
def test_nothing_is_said_where_nothing_is_known(make_user, desk, client_of):
    taken(make_user, desk, minutes_ago=5)
    taken(make_user, desk, minutes_ago=6, waited_s=0)  # was given to the agent as it was opened
    person = make_user()
    chat = waiting_chat(person)
    assert waits.wait_of(chat.pk) == waits.Wait(1, None)
    Chat.objects.filter(pk=chat.pk).update(admin=desk)
    assert waits.wait_of(chat.pk) is None
    shown = client_of(person).get(f"/api/chats/{chat.pk}/").json()
    assert (shown["queue_position"], shown["waiting_estimate_s"]) == (None, None)


@pytest.mark.django_db
def test_places_are_those_of_the_queue_urgent_ones_first(make_user, desk):
    chats = [waiting_chat(make_user()) for _ in range(3)]
    triage.set_priority(actor=principal_of(desk), chat_id=chats[2].pk, priority=Priority.URGENT)
    found = waits.waits_of([chat.pk for chat in chats])
    assert [found[chat.pk].position for chat in chats] == [2, 3, 1]


@pytest.mark.parametrize(
    ("position", "pace", "seconds"),
    [(1, 5.0, 60), (2, 90.0, 180), (3, 61.0, 240), (500, 900.0, 14400), (4, None, None)],
)
def test_estimates_are_whole_minutes_within_bounds(position, pace, seconds):
    assert waits.estimate_of(position, pace) == seconds
