"""Appending events: the numbers, the repeats, the refusals, and what a commit or a rollback leaves behind."""

import random
import threading
from dataclasses import replace

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from backend.common.unit_of_work import Draft, unit_of_work
from backend.realtime import bell
from backend.realtime.models import Event, Topic
from backend.realtime.selectors import events_after, heads_of
from backend.realtime.services import append, rename_author, text_hash
from backend.realtime.tests.factories import draft, everything, head_of, new_topic, stored
from backend.tests.commits import in_background, in_parallel, wait_until_one_waits_for_us

REFUSE_ODD = "guard AS (SELECT n, CASE WHEN n & 1 = 1 THEN 'odd' END AS refusal FROM incoming)"
REFUSE_ALL = "guard AS (SELECT n, 'never' AS refusal FROM incoming)"


@pytest.fixture
def rings(live):
    """What was rung in this process, and whether the ringing thread was still inside a transaction."""
    heard = []
    bell.set_ringer(lambda events: heard.append((list(events), connection.in_atomic_block)))
    yield heard
    bell.set_ringer(None)


# Numbers


@pytest.mark.django_db
def test_events_of_a_topic_are_numbered_from_one_without_a_hole():
    topic = new_topic()

    outcomes = append([draft(topic, "a"), draft(topic, "b")]) + append([draft(topic, "c")])

    assert [outcome.event.seq for outcome in outcomes] == [1, 2, 3]
    assert stored(topic) == [(1, "a"), (2, "b"), (3, "c")]
    assert head_of(topic) == 3


@pytest.mark.django_db
def test_one_statement_numbers_each_of_its_topics_alone_and_answers_in_the_order_asked():
    a, b = new_topic(), new_topic()
    append([draft(b, "earlier")])

    outcomes = append([draft(b, "1"), draft(a, "2"), draft(b, "3"), draft(a, "4")])

    assert [(outcome.event.topic, outcome.event.seq) for outcome in outcomes] == [(b, 2), (a, 1), (b, 3), (a, 2)]
    assert stored(a) == [(1, "2"), (2, "4")]
    assert stored(b) == [(1, "earlier"), (2, "1"), (3, "3")]
    assert heads_of([a, b, new_topic()]) == {a: 2, b: 3}


@pytest.mark.django_db
def test_nothing_to_append_stores_nothing():
    before = Topic.objects.count(), Event.objects.count()

    assert append([]) == []

    assert (Topic.objects.count(), Event.objects.count()) == before


@pytest.mark.django_db
def test_what_is_answered_is_what_is_read_later():
    """BUG-S1-35: an event is the same live and in the history, to the microsecond."""
    topic = new_topic()
    payload = {"text": 'quotes " \\ and \u2028 ünï 🎉', "list": [1, 2.5, None, True], "nested": {"": {}}}

    (outcome,) = append([Draft(topic, "noted", payload, author_id=7, client_id="c-1", text="x")])

    (event,) = everything(topic).events
    assert replace(event, payload=b"") == replace(outcome.event, payload=b"")
    assert Event.objects.get(topic__key=topic).payload == payload


@pytest.mark.django_db(transaction=False)
def test_a_payload_that_the_database_refuses_stores_nothing():
    topic = new_topic()

    with pytest.raises(DatabaseError), transaction.atomic():
        append([draft(topic, "fine"), draft(topic, "nul \x00")])

    assert head_of(topic) is None
    assert stored(topic) == []


# Concurrency


def test_eight_connections_on_shared_topics_leave_no_hole_no_repeat_and_never_deadlock(live):
    """S1-B25, design 4: the counters are locked in key order by the one statement that stores."""
    topics = [new_topic() for _ in range(5)]
    drawn = random.Random(7)

    def writer(name):
        picks = [drawn.sample(topics, drawn.randint(1, 5)) * drawn.randint(1, 2) for _ in range(20)]

        def write():
            return [
                [
                    (outcome.event.topic, outcome.event.seq, draft.text)
                    for outcome, draft in zip(append(asked), asked, strict=True)
                ]
                for asked in ([draft(topic, f"{name}.{n}") for topic in pick] for n, pick in enumerate(picks))
            ]

        return write

    answers = in_parallel(*(writer(name) for name in range(8)))

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    told = [event for answer in answers for batch in answer for event in batch]
    for topic in topics:
        events = sorted((seq, text) for key, seq, text in told if key == topic)
        assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
        assert stored(topic) == events
        assert head_of(topic) == len(events)


def test_a_reader_beside_the_writers_never_sees_a_hole(live):
    """Numbers are given in commit order: what a reader has passed can never fill later."""
    topic, written = new_topic(), threading.Event()
    writers_left = [4]

    def write():
        try:
            for n in range(40):
                append([draft(topic, str(n))] * (1 + n % 3))
        finally:
            writers_left[0] -= 1
            if not writers_left[0]:
                written.set()

    def read():
        seen, last_look = [], False
        while not last_look:
            last_look = written.is_set()
            page = events_after(topic, seen[-1] if seen else 0, limit=10_000)
            seen += [event.seq for event in page.events]
            assert page.head == (seen[-1] if seen else 0)
        return seen

    *_, seen = in_parallel(write, write, write, write, read)

    assert seen == list(range(1, 4 * 79 + 1))


@pytest.mark.parametrize("commits", [True, False])
def test_a_later_append_waits_for_an_earlier_transaction_and_takes_the_next_number(live, commits):
    topic, begun = new_topic(), threading.Event()
    append([draft(topic, "first")])

    def later():
        assert begun.wait(30)
        return append([draft(topic, "later")])[0].event.seq

    with in_background(later) as answer, transaction.atomic():
        append([draft(topic, "earlier")])
        begun.set()
        wait_until_one_waits_for_us()
        assert in_parallel(lambda: (head_of(topic), stored(topic))) == [(1, [(1, "first")])]
        transaction.set_rollback(not commits)

    texts = ["first", "earlier", "later"] if commits else ["first", "later"]
    assert answer() == len(texts)
    assert stored(topic) == list(enumerate(texts, start=1))
    assert head_of(topic) == len(texts)


def test_first_appends_to_a_new_topic_at_once_make_one_topic(live):
    topic = new_topic()

    answers = in_parallel(*(lambda n=n: append([draft(topic, str(n))])[0].event.seq for n in range(8)))

    assert sorted(answers) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert Topic.objects.filter(key=topic).count() == 1
    assert head_of(topic) == 8


# Repeats


@pytest.mark.django_db
def test_a_repeat_is_answered_with_the_stored_number_and_stores_nothing():
    topic = new_topic()
    first, again = (append([draft(topic, "hi", author_id=1, client_id="c")])[0] for _ in range(2))

    assert first.event.seq == 1
    assert (again.event, again.duplicate_of, again.same) == (None, 1, True)
    assert stored(topic) == [(1, "hi")]
    assert head_of(topic) == 1


@pytest.mark.django_db
def test_the_same_client_id_with_another_text_is_told_apart_and_stores_nothing():
    topic = new_topic()
    append([draft(topic, "hi", author_id=1, client_id="c")])

    (other,) = append([draft(topic, "bye", author_id=1, client_id="c")])

    assert (other.event, other.duplicate_of, other.same) == (None, 1, False)
    assert stored(topic) == [(1, "hi")]
    assert head_of(topic) == 1


@pytest.mark.django_db
def test_a_client_id_is_unique_for_one_author_in_one_topic_only():
    topic, other = new_topic(), new_topic()

    outcomes = append([draft(topic, "a", author_id=1, client_id="c"), draft(topic, "b", author_id=2, client_id="c")])
    outcomes += append([draft(other, "a", author_id=1, client_id="c")])

    assert [outcome.event.seq for outcome in outcomes] == [1, 2, 1]


@pytest.mark.django_db
def test_messages_without_client_id_are_never_repeats():
    topic = new_topic()

    append([draft(topic, "same", author_id=1)] * 3)

    assert stored(topic) == [(1, "same"), (2, "same"), (3, "same")]


@pytest.mark.django_db
def test_a_repeat_among_new_ones_takes_no_number():
    topic = new_topic()
    append([draft(topic, "old", author_id=1, client_id="c")])

    outcomes = append(
        [draft(topic, "x", author_id=1), draft(topic, "old", author_id=1, client_id="c"), draft(topic, "y")]
    )

    assert [outcome.event and outcome.event.seq for outcome in outcomes] == [2, None, 3]
    assert outcomes[1].duplicate_of == 1
    assert stored(topic) == [(1, "old"), (2, "x"), (3, "y")]


@pytest.mark.django_db
def test_two_with_one_client_id_in_one_statement_are_refused_and_store_nothing():
    topic = new_topic()
    twins = [draft(topic, "hi", author_id=1, client_id="c")] * 2

    with pytest.raises(IntegrityError), transaction.atomic():
        append([draft(topic, "other"), *twins])

    assert head_of(topic) is None
    outcomes = append(twins[:1]) + append(twins[:1])
    assert (outcomes[0].event.seq, outcomes[1].duplicate_of) == (1, 1)


def test_one_message_sent_by_many_at_once_is_stored_once(live):
    """BUG-S1-36: nothing twice. The losers of the race recognise the repeat when they try again."""
    topic = new_topic()
    send = lambda: append([draft(topic, "hi", author_id=1, client_id="c")])[0]  # noqa: E731

    answers = in_parallel(*[send] * 6)

    kinds = [type(answer) if isinstance(answer, Exception) else answer.duplicate_of for answer in answers]
    assert kinds.count(None) == 1
    assert set(kinds) <= {None, 1, IntegrityError}
    assert [answer.duplicate_of for answer in in_parallel(*[send] * 6)] == [1] * 6
    assert stored(topic) == [(1, "hi")]
    assert head_of(topic) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["", "a", "ä" * 4000])
def test_text_hashes_fit_the_column_and_tell_texts_apart(text):
    assert 0 <= text_hash(text) < 2**63
    assert text_hash(text) == text_hash(text)
    assert text_hash(text) != text_hash(text + " ")


# Guards


@pytest.mark.django_db
def test_what_a_guard_refuses_takes_no_number_and_the_rest_is_stored():
    topic = new_topic()

    outcomes = append([draft(topic, str(n)) for n in range(4)], guard=REFUSE_ODD)

    assert [outcome.refusal for outcome in outcomes] == [None, "odd", None, "odd"]
    assert [outcome.event and outcome.event.seq for outcome in outcomes] == [1, None, 2, None]
    assert stored(topic) == [(1, "0"), (2, "2")]
    assert head_of(topic) == 2


@pytest.mark.django_db
def test_a_guard_that_refuses_all_leaves_not_even_a_topic():
    topic = new_topic()

    (outcome,) = append([draft(topic, "x", author_id=1, client_id="c")], guard=REFUSE_ALL)

    assert (outcome.event, outcome.refusal) == (None, "never")
    assert head_of(topic) is None
    assert stored(topic) == []


@pytest.mark.django_db
def test_a_repeat_is_known_also_where_the_guard_would_refuse_it_by_now():
    topic = new_topic()
    hi = draft(topic, "hi", author_id=1, client_id="c")
    append([hi])

    (again,) = append([hi], guard=REFUSE_ALL)

    assert (again.duplicate_of, again.same, again.refusal) == (1, True, None)
    assert stored(topic) == [(1, "hi")]


# Units of work


def test_a_unit_of_work_appends_at_its_end_and_rings_after_its_commit(rings):
    topic, other = new_topic(), new_topic()

    with unit_of_work() as unit:
        unit.emit(topics=[topic, other], kind="noted", payload={"text": "outer"})
        with unit_of_work() as joined:
            joined.emit(topics=[topic], kind="noted", payload={"text": "inner"}, author_id=5)
        assert (head_of(topic), rings) == (None, [])

    (told, was_inside), *more = rings
    assert more == []
    assert was_inside is False
    assert [(event.topic, event.seq) for event in told] == [(topic, 1), (other, 1), (topic, 2)]
    assert in_parallel(lambda: stored(topic)) == [[(1, "outer"), (2, "inner")]]


@pytest.mark.parametrize("fails_in_joined", [False, True])
def test_a_unit_of_work_that_fails_leaves_no_event_and_tells_nobody(rings, fails_in_joined):
    topic = new_topic()
    append([draft(topic, "before")])

    with pytest.raises(LookupError), unit_of_work() as unit:
        unit.emit(topics=[topic], kind="noted", payload={"text": "lost"})
        append([draft(topic, "straight")])
        with unit_of_work():
            if fails_in_joined:
                raise LookupError
        raise LookupError

    assert stored(topic) == [(1, "before")]
    assert head_of(topic) == 1
    assert rings == []


def test_a_unit_of_work_refuses_to_run_inside_a_plain_transaction(rings):
    topic = new_topic()

    with transaction.atomic(), pytest.raises(RuntimeError), unit_of_work() as unit:
        unit.emit(topics=[topic], kind="noted", payload={"text": "x"})

    assert head_of(topic) is None
    assert rings == []


# What the tables themselves refuse


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("_case", "statement", "constraint"),
    [
        ("seq zero", "UPDATE realtime_event SET seq = 0 WHERE topic_id = %s", "realtime_event_seq_positive"),
        ("head below", "UPDATE realtime_topic SET head = -1 WHERE id = %s", "realtime_topic_head_not_negative"),
        (
            "a number twice",
            "INSERT INTO realtime_event (topic_id, seq, kind, payload) VALUES (%s, 1, 'x', '{}')",
            "realtime_event_pkey",
        ),
        (
            "a client_id twice",
            "INSERT INTO realtime_event (topic_id, seq, kind, payload, author_id, client_id)"
            " VALUES (%s, 2, 'x', '{}', 1, 'c')",
            "realtime_event_client_id_unique",
        ),
    ],
)
def test_the_tables_refuse_what_would_break_the_order(_case, statement, constraint):
    topic = new_topic()
    append([draft(topic, "a", author_id=1, client_id="c")])

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [Topic.objects.get(key=topic).pk])

    assert stored(topic) == [(1, "a")]


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{}, {"id_field": "customer_id", "name_field": "customer"}])
def test_whoever_is_erased_is_found_by_index_and_not_by_reading_every_event(fields):
    """However many events there are: a chat desk keeps them for years."""
    with CaptureQueriesContext(connection) as asked:
        rename_author(user_id=7, name="Somebody", **fields)

    (statement,) = [query["sql"] for query in asked if query["sql"].startswith("UPDATE")]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # The table of the test is too short to be worth an index.
        cursor.execute(f"EXPLAIN {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan on realtime_event" not in plan
    assert {"realtime_event_author", "realtime_event_about"} <= set(plan.replace("\n", " ").split())


@pytest.mark.django_db
def test_a_person_is_renamed_wherever_an_event_names_them():
    """As who said it, and as whom somebody else's words are about."""
    topic = new_topic()
    said = {"user": "Ana", "user_id": 7}
    append(
        [
            replace(draft(topic, "said"), payload=said, author_id=7, client_id="c-1"),
            replace(draft(topic, "about"), payload={"user": "Bob", "user_id": 8, "member": "Ana", "member_id": 7}),
            replace(draft(topic, "by"), payload={"member": "Ana", "member_id": 7, "user": "Bob"}, author_id=8),
            replace(draft(topic, "other"), payload={"user": "Ana", "user_id": 9}, author_id=9),
        ]
    )

    renamed = [
        rename_author(user_id=7, name="Former", **fields)
        for fields in ({}, {"id_field": "member_id", "name_field": "member"})
    ]

    named = Event.objects.filter(topic__key=topic).order_by("seq").values_list("payload", flat=True)
    assert renamed == [1, 2]
    assert [(payload.get("user"), payload.get("member")) for payload in named] == [
        ("Former", None),
        ("Bob", "Former"),
        ("Bob", "Former"),
        ("Ana", None),
    ]
