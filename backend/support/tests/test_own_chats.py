"""An agent's list in pages: what is unread, how it is labelled, filters; the same number of queries for any size."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.identity.principals import principal_of
from backend.realtime.services import append
from backend.support.models import Label, Priority
from backend.support.services import chats, messages, triage
from backend.support.tests.factories import _draft, make_talk, say, store_messages, waiting_chat

URL = "/api/chats/chat/"


@pytest.fixture
def talks(make_user):
    """An agent with five chats, the last one closed."""
    first = make_talk(make_user)
    agent = principal_of(first.agent)
    opened = [first.chat, *(waiting_chat(make_user()) for _ in range(4))]
    for chat in opened[1:]:
        chats.take_chat(actor=agent, chat_id=chat.pk)
    chats.close_chat(actor=agent, chat_id=opened[-1].pk)
    return first, opened


@pytest.mark.django_db
def test_pages_follow_one_another_without_hole_or_repeat(talks, make_user, client_of):
    first, opened = talks
    client = client_of(first.agent)

    seen, cursor = [], ""
    for _ in range(3):
        page = client.get(URL, {"is_active": "all", "limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen.append([row["id"] for row in page["results"]])
        cursor = page["next"]
        chats.take_chat(actor=principal_of(first.agent), chat_id=waiting_chat(make_user()).pk)  # It moves no page.

    ids = [str(chat.pk) for chat in reversed(opened)]
    assert seen == [ids[:2], ids[2:4], ids[4:]]
    assert cursor is None


@pytest.mark.django_db
def test_a_row_says_what_the_desk_knows_of_a_chat(talks, client_of):
    first, _ = talks
    agent = principal_of(first.agent)
    Label.objects.create(name="card")
    triage.set_labels(actor=agent, chat_id=first.id, names=["card"])
    triage.set_priority(actor=agent, chat_id=first.id, priority=Priority.HIGH)
    for number in range(3):
        say(first.id, first.customer, f"{number}")
    say(first.id, first.agent, "mine", role="agent")
    messages.mark_read(actor=agent, chat_id=first.id, seq=3)

    (row,) = client_of(first.agent).get(URL, {"limit": 100, "label": "CARD"}).json()["results"]

    assert row == {
        "id": str(first.id),
        "is_active": True,
        "created_at": row["created_at"],
        "customer": first.customer.pk,
        "admin": first.agent.pk,
        "state": "open",
        "priority": "high",
        "labels": ["card"],
        "snoozed_until": None,
        "unread": 2,
        "head": 6,
    }


@pytest.mark.django_db
def test_unread_counts_to_a_hundred(talks, client_of):
    first, _ = talks
    store_messages(first, *(str(number) for number in range(130)))

    rows = client_of(first.agent).get(URL, {"limit": 100}).json()["results"]

    assert {row["id"]: row["unread"] for row in rows}[str(first.id)] == 100


@pytest.mark.django_db
def test_filters_narrow_the_plain_list_and_the_pages(talks, client_of):
    first, opened = talks
    agent, client = principal_of(first.agent), client_of(first.agent)
    triage.set_priority(actor=agent, chat_id=opened[1].pk, priority=Priority.URGENT)
    triage.snooze_chat(actor=agent, chat_id=opened[2].pk, until=datetime.now(UTC) + timedelta(hours=1))

    def ids(**query):
        plain = client.get(URL, query).json()
        paged = client.get(URL, {**query, "limit": 50}).json()["results"]
        assert [row["id"] for row in plain] == [row["id"] for row in paged]
        assert {len(row) for row in plain} <= {5}
        return {str(chat.pk): n for n, chat in enumerate(opened)}, [row["id"] for row in plain]

    numbers, urgent = ids(priority="urgent")
    found = {
        name: sorted(numbers[one] for one in ids(**query)[1])
        for name, query in {
            "snoozed": {"state": "snoozed"},
            "open": {"state": "open"},
            "closed": {"state": "closed"},
            "waiting": {"state": "waiting"},
            "labelled": {"label": "nothing"},
            "all normal": {"is_active": "all", "priority": "normal"},
        }.items()
    }
    assert urgent == [str(opened[1].pk)]
    assert found == {
        "snoozed": [2],
        "open": [0, 1, 3],
        "closed": [4],
        "waiting": [],
        "labelled": [],
        "all normal": [0, 2, 3, 4],
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": "x"},
        {"cursor": "x"},
        {"cursor": "MjAyNi0wMS0wMXx4"},
        {"cursor": "\x00"},
        {"state": "lost"},
        {"priority": "3"},
        {"label": "x" * 41},
        {"label": "\x00"},
    ],
)
def test_what_is_no_filter_is_refused(make_user, client_of, query):
    answer = client_of(make_user("SUPPORT_AGENT")).get(URL, query)

    assert (answer.status_code, list(answer.json())) == (400, list(query))


@pytest.mark.django_db
def test_a_page_costs_five_queries_however_many_chats(talks, client_of, django_assert_num_queries):
    first, opened = talks
    append([_draft(first, "x")])
    client = client_of(first.agent)
    client.get(URL, {"limit": 1})

    for limit in (1, 4):
        with django_assert_num_queries(5):
            assert len(client.get(URL, {"limit": limit}).json()["results"]) == limit
