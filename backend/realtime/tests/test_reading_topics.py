"""Reading topics: pages, heads, and the edges of both."""

import pytest
from django.db import connection

from backend.realtime.selectors import NO_LIMIT, Page, events_after, events_since, heads_of, last_events
from backend.realtime.services import append
from backend.realtime.tests.factories import draft, new_topic

pytestmark = pytest.mark.django_db


@pytest.fixture
def topic():
    """A topic with ten events."""
    name = new_topic()
    append([draft(name, str(n)) for n in range(1, 11)])
    return name


def _seqs(page: Page) -> list[int]:
    return [event.seq for event in page.events]


@pytest.mark.parametrize(
    ("after", "limit", "until", "expected"),
    [
        (0, 500, NO_LIMIT, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (0, 3, NO_LIMIT, [1, 2, 3]),
        (3, 3, NO_LIMIT, [4, 5, 6]),
        (9, 3, NO_LIMIT, [10]),
        (10, 3, NO_LIMIT, []),
        (11, 3, NO_LIMIT, []),
        (NO_LIMIT - 1, 3, NO_LIMIT, []),
        (2, 500, 5, [3, 4, 5]),
        (5, 500, 5, []),
    ],
)
def test_a_page_holds_what_follows_the_cursor_and_the_head(topic, after, limit, until, expected):
    page = events_after(topic, after, limit=limit, until=until)

    assert _seqs(page) == expected
    assert page.head == 10
    assert page.cursor == (expected[-1] if expected else 0)


def test_pages_walked_by_their_cursor_give_everything_once(topic):
    walked, cursor = [], 0
    while page := events_after(topic, cursor, limit=4).events:
        walked += [event.seq for event in page]
        cursor = walked[-1]

    assert walked == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(("count", "expected"), [(3, [8, 9, 10]), (10, list(range(1, 11))), (50, list(range(1, 11)))])
def test_the_last_events_come_oldest_first(topic, count, expected):
    page = last_events(topic, count)

    assert _seqs(page) == expected
    assert (page.head, page.cursor) == (10, 10)


def test_no_last_events_are_none_and_the_head_is_known(topic):
    assert last_events(topic, 0) == Page([], 10)


def test_an_unknown_topic_is_an_empty_one():
    unknown = new_topic()

    assert events_after(unknown, 0, limit=5) == Page([], 0)
    assert events_after(unknown, 7, limit=5) == Page([], 0)
    assert last_events(unknown, 5) == Page([], 0)
    assert events_since(unknown, seconds=60) == Page([], 0)
    assert heads_of([unknown]) == {}
    assert heads_of([]) == {}


def test_topics_do_not_see_one_another(topic):
    other = new_topic()
    append([draft(other, "mine")])

    assert [event.topic for event in events_after(other, 0, limit=5).events] == [other]
    assert heads_of([topic, other]) == {topic: 10, other: 1}


def test_recent_events_are_those_of_the_last_seconds(topic):
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE realtime_event SET created_at = now() - make_interval(secs => 90)
               WHERE topic_id = (SELECT id FROM realtime_topic WHERE key = %s) AND seq <= 7""",
            [topic],
        )

    assert _seqs(events_since(topic, seconds=60)) == [8, 9, 10]
    assert _seqs(events_since(topic, seconds=120)) == list(range(1, 11))
    assert events_since(topic, seconds=60).head == 10
