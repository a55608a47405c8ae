"""The group committer: batches, their order, and what one bad item or a lost connection does to the others."""

import asyncio
import threading

from django.db import DatabaseError, IntegrityError, connection, connections

from backend.common.errors import Forbidden, Unavailable
from backend.common.pool import PoolClosed, ThreadPool
from backend.realtime import committer as committing
from backend.realtime.committer import GroupCommitter
from backend.realtime.services import append
from backend.realtime.tests.factories import draft, head_of, new_topic, stored


class Commits:
    """Commits by `work`, remembers the batches, and can hold the first one back until told."""

    def __init__(self, work=lambda items: items, *, held=False):
        self.batches = []
        self.began, self.may_end = threading.Event(), threading.Event()
        self._work = work
        if not held:
            self.may_end.set()

    def __call__(self, items):
        self.batches.append(list(items))
        self.began.set()
        assert self.may_end.wait(30)
        return self._work(items)


def _play(play, commits, *, key_of=lambda item: None, batch_max=200):
    """Run `play(committer, answers)` beside a real writer's thread; return the answers in the order they came."""

    async def run():
        writer = ThreadPool("write", 1, 5000, on_thread_exit=connections.close_all)
        committer = GroupCommitter(commit=commits, key_of=key_of, writer=writer, batch_max=batch_max)
        answers = []
        try:
            await play(committer, answers)
            await committer.drained()
        finally:
            writer.close(30)
        return answers

    return asyncio.run(run())


def _submit(committer, answers, *items):
    for item in items:
        committer.submit(item, lambda result, item=item: answers.append((item, result)))


async def _until(event):
    await asyncio.get_running_loop().run_in_executor(None, event.wait, 30)


async def _submit_behind_a_held_batch(committer, answers, commits, *items):
    _submit(committer, answers, "held")
    await _until(commits.began)
    _submit(committer, answers, *items)
    commits.may_end.set()


# Batches


def test_what_arrives_during_a_commit_is_committed_together_in_the_next_one():
    commits = Commits(lambda items: [item.upper() for item in items], held=True)

    answers = _play(lambda c, a: _submit_behind_a_held_batch(c, a, commits, "a", "b", "c"), commits)

    assert commits.batches == [["held"], ["a", "b", "c"]]
    assert answers == [("held", "HELD"), ("a", "A"), ("b", "B"), ("c", "C")]


def test_a_batch_has_a_largest_size_and_order_is_kept_across_batches():
    commits = Commits(held=True)

    answers = _play(lambda c, a: _submit_behind_a_held_batch(c, a, commits, *range(7)), commits, batch_max=3)

    assert commits.batches == [["held"], [0, 1, 2], [3, 4, 5], [6]]
    assert [item for item, _ in answers] == ["held", 0, 1, 2, 3, 4, 5, 6]


def test_items_with_one_key_wait_for_separate_batches_in_their_places():
    commits = Commits(held=True)
    items = ["x1", "a", "x2", "b", "x3", "x4"]
    key_of = lambda item: "x" if item.startswith("x") else None  # noqa: E731

    answers = _play(lambda c, a: _submit_behind_a_held_batch(c, a, commits, *items), commits, key_of=key_of)

    assert commits.batches == [["held"], ["x1", "a"], ["x2", "b"], ["x3"], ["x4"]]
    assert [item for item, _ in answers] == ["held", *items]


def test_a_full_queue_makes_senders_wait_until_there_is_room(monkeypatch):
    monkeypatch.setattr(committing, "QUEUE_MAX", 4)
    commits = Commits(held=True)
    seen = []

    async def play(committer, answers):
        _submit(committer, answers, "held")
        await _until(commits.began)
        _submit(committer, answers, 1, 2, 3)
        await committer.room()
        _submit(committer, answers, 4)
        waiting = asyncio.ensure_future(committer.room())
        await asyncio.sleep(0.05)
        seen.append(waiting.done())
        commits.may_end.set()
        await asyncio.wait_for(waiting, 30)

    answers = _play(play, commits)

    assert seen == [False]
    assert [item for item, _ in answers] == ["held", 1, 2, 3, 4]


def test_an_answer_that_fails_takes_no_other_with_it():
    """Every item hears its own result, whatever another one's listener does with its own."""
    commits = Commits(held=True)

    async def play(committer, answers):
        _submit(committer, answers, "held")
        await _until(commits.began)
        committer.submit("broken", lambda result: 1 / 0)
        _submit(committer, answers, "next", "last")
        commits.may_end.set()

    answers = _play(play, commits)

    assert [item for item, _ in answers] == ["held", "next", "last"]


def test_a_writer_that_has_ended_is_heard_of_by_every_item():
    async def play(committer, answers):
        committer._writer.close(30)
        _submit(committer, answers, 1, 2)

    answers = _play(play, Commits())

    assert [(item, type(result)) for item, result in answers] == [(1, PoolClosed), (2, PoolClosed)]


# Failures, with the real database


def _append_each(items):
    return append([draft(topic, text, author_id=1, client_id=client_id) for topic, text, client_id in items])


def test_one_bad_item_does_not_take_its_batch_with_it(live):
    topic = new_topic()
    commits = Commits(lambda items: items if items == ["held"] else _append_each(items), held=True)
    items = [(topic, "a", "1"), (topic, "nul \x00", "2"), (topic, "c", "3")]

    answers = _play(lambda c, a: _submit_behind_a_held_batch(c, a, commits, *items), commits)

    outcomes = [result for _, result in answers[1:]]
    assert [outcomes[0].event.seq, outcomes[2].event.seq] == [1, 2]
    assert isinstance(outcomes[1], DatabaseError)
    assert stored(topic) == [(1, "a"), (2, "c")]
    assert commits.batches == [["held"], items, [items[0]], [items[1]], [items[2]]]


def test_a_repeat_that_meets_its_twin_in_one_batch_is_answered_as_a_repeat(live):
    """Two processes may store one message at once; the loser of the race is tried again and finds it known."""
    topic = new_topic()
    commits = Commits(lambda items: items if items == ["held"] else _append_each(items), held=True)
    items = [(topic, "a", "same"), (topic, "a", "same"), (topic, "b", "other")]

    answers = _play(lambda c, a: _submit_behind_a_held_batch(c, a, commits, *items), commits)

    outcomes = [result for _, result in answers[1:]]
    assert [outcome.duplicate_of for outcome in outcomes] == [None, 1, None]
    assert stored(topic) == [(1, "a"), (2, "b")]


def test_a_single_item_that_breaks_a_constraint_is_tried_once_more_and_then_heard(live):
    commits = Commits(lambda items: _break_a_constraint())

    async def play(committer, answers):
        _submit(committer, answers, "only")

    ((_, result),) = _play(play, commits)

    assert isinstance(result, IntegrityError)
    assert commits.batches == [["only"], ["only"]]
    assert head_of("never") is None


def test_a_refusal_in_a_batch_tried_singly_is_that_items_own(live):
    topic = new_topic()

    def commit(items):
        if items == ["held"]:
            return items
        if len(items) > 1:
            _break_a_constraint()
        if items == ["forbidden"]:
            raise Forbidden
        return [item.event.seq for item in append([draft(topic, item) for item in items])]

    commits = Commits(commit, held=True)

    answers = _play(lambda c, a: _submit_behind_a_held_batch(c, a, commits, "a", "forbidden", "b"), commits)

    assert [type(result) for _, result in answers] == [str, int, Forbidden, int]
    assert stored(topic) == [(1, "a"), (2, "b")]


def test_a_lost_connection_answers_all_with_unavailable_and_the_next_batch_has_a_new_one(live):
    """E-DATA-3: whether the batch was stored is not known, so it is not tried again."""
    topic = new_topic()

    def commit(items):
        if "kill" in items:
            _lose_the_connection()
        return [outcome.event.seq for outcome in append([draft(topic, item) for item in items])]

    commits = Commits(commit, held=True)

    async def play(committer, answers):
        await _submit_behind_a_held_batch(committer, answers, commits, "a", "kill", "b")
        await committer.drained()
        _submit(committer, answers, "later")

    answers = _play(play, commits)

    assert [(item, result if type(result) is int else type(result)) for item, result in answers] == [
        ("held", 1),
        ("a", Unavailable),
        ("kill", Unavailable),
        ("b", Unavailable),
        ("later", 2),
    ]
    assert commits.batches == [["held"], ["a", "kill", "b"], ["later"]]
    assert stored(topic) == [(1, "held"), (2, "later")]


def test_a_connection_lost_while_items_are_tried_singly_is_that_items_trouble(live):
    topic = new_topic()

    def commit(items):
        if items == ["held"]:
            return items
        if len(items) > 1:
            _break_a_constraint()
        if items == ["kill"]:
            _lose_the_connection()
        return [outcome.event.seq for outcome in append([draft(topic, item) for item in items])]

    commits = Commits(commit, held=True)

    answers = _play(lambda c, a: _submit_behind_a_held_batch(c, a, commits, "a", "kill", "b"), commits)

    assert [result if type(result) is int else type(result) for _, result in answers[1:]] == [1, Unavailable, 2]
    assert stored(topic) == [(1, "a"), (2, "b")]


def _break_a_constraint():
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO realtime_topic (key, head) VALUES ('never', -1)")


def _lose_the_connection():
    """Have the server end this connection, as a restart does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
