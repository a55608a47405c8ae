"""The notifications' socket: whose topics it carries, what arrives live, and what a returning client gets."""

import asyncio
import dataclasses
import uuid

import pytest

from backend.common.unit_of_work import unit_of_work
from backend.identity.services import roles, sessions
from backend.identity.tests.notifying import ear, facts_of
from backend.notifications import notices
from backend.notifications.notices import ChatClosed
from backend.notifications.services import inbox_of, tell
from backend.realtime.selectors import heads_of
from backend.tests.frames import schema_of

pytestmark = pytest.mark.server

KINDS = list(notices.KINDS.values())
DESKS = {"SUPPORT_AGENT": "desk.support", "BANK_ADMIN": "desk.bank_admin", "AUDITOR": "desk.auditor"}


def tell_some(topic: str, count: int) -> list[str]:
    """Put notices into a topic; return the ids that tell them apart, in order."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with unit_of_work() as unit:
        for number in ids:
            tell(unit, topics=[topic], notice=ChatClosed(chat_id=number, closed_by=1))
    return ids


def ids_in(events: list[dict]) -> list[str]:
    return [event["payload"]["chat_id"] for event in events]


def seqs_in(events: list[dict]) -> list[int]:
    return [event["seq"] for event in events]


@pytest.fixture
def person(live, make_user):
    return make_user("AUDITOR")


# The document


@pytest.mark.parametrize("kind", KINDS)
def test_the_document_describes_every_kind_of_notice_with_exactly_its_fields(kind):
    """Checking frames is worth what the schema is worth: here it is held against the code."""
    variants = {one["properties"]["kind"]["const"]: one for one in schema_of("notice")["oneOf"]}

    schema = schema_of(variants[kind.kind]["properties"]["payload"]["$ref"].rpartition("/")[2])

    fields = {field.name for field in dataclasses.fields(kind)}
    assert (set(schema["properties"]), set(schema["required"])) == (fields, fields)
    assert schema["additionalProperties"] is False


def test_the_document_knows_no_kind_that_does_not_exist():
    kinds = {kind.kind for kind in KINDS}

    assert set(schema_of("notice")["properties"]["kind"]["enum"]) == kinds
    assert {one["properties"]["kind"]["const"] for one in schema_of("notice")["oneOf"]} == kinds


# Whose topics


@pytest.mark.parametrize(
    ("_case", "role_names", "flags", "desks"),
    [
        ("customer", ["CUSTOMER"], {}, set()),
        ("agent", ["SUPPORT_AGENT"], {}, {"desk.support"}),
        ("bank admin", ["BANK_ADMIN"], {}, {"desk.bank_admin"}),
        ("auditor", ["AUDITOR"], {}, {"desk.auditor"}),
        ("several roles", ["AUDITOR", "SUPPORT_AGENT"], {}, {"desk.auditor", "desk.support"}),
        ("a flag is no role", ["CUSTOMER"], {"is_staff": True, "is_superuser": True}, set()),
    ],
)
def test_one_sees_the_own_inbox_and_the_desks_of_the_own_roles(
    live, make_user, token_of, _case, role_names, flags, desks
):
    user = make_user(*role_names, **flags)
    token = token_of(user)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            return set(await socket.heads())

    assert asyncio.run(play()) == {inbox_of(user.pk), *desks}


def test_the_socket_is_also_served_under_api(live, person, token_of):
    token = token_of(person)

    async def play():
        async with ear(live, token, path="/api/ws/notifications/") as socket:
            return await socket.array()

    assert isinstance(asyncio.run(play()), list)


def test_what_is_told_to_others_does_not_arrive(live, make_user, token_of):
    me, other = make_user(), make_user()
    token = token_of(me)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            await asyncio.to_thread(tell_some, inbox_of(other.pk), 1)
            await asyncio.to_thread(tell_some, "desk.auditor", 1)
            (mine,) = await asyncio.to_thread(tell_some, inbox_of(me.pk), 1)
            return mine, await socket.next()

    mine, notice = asyncio.run(play())
    assert (notice["topic"], ids_in([notice])) == (inbox_of(me.pk), [mine])


# What arrives live


def test_the_end_of_another_session_is_told_to_the_person(live, person, token_of):
    """An auditor may hold several sessions; the one that stays hears that the other ended."""
    other = sessions.open_session(user=person, door="s1")
    token = token_of(person)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            await asyncio.to_thread(sessions.end_session, user_id=person.pk, sid=other.sid, reason="revoked")
            return await socket.next()

    notice = asyncio.run(play())
    assert facts_of([notice]) == [
        (inbox_of(person.pk), "session.revoked", {"session_id": other.sid, "reason": "revoked"})
    ]


def test_what_is_rolled_back_is_told_to_nobody(live, person, token_of):
    topic = inbox_of(person.pk)

    def act():
        with pytest.raises(ZeroDivisionError):
            told_and_failed()
        return tell_some(topic, 1)

    def told_and_failed():
        with unit_of_work() as unit:
            tell(unit, topics=[topic], notice=ChatClosed(chat_id=str(uuid.uuid4()), closed_by=1))
            raise ZeroDivisionError

    token = token_of(person)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            stored = await asyncio.to_thread(act)
            return stored, await socket.next()

    stored, notice = asyncio.run(play())
    assert ids_in([notice]) == stored


# Coming back


def test_after_gives_exactly_what_was_missed_in_each_topic(live, person, token_of):
    inbox = inbox_of(person.pk)
    tell_some(inbox, 3)
    mine = tell_some(inbox, 2)
    start = heads_of(["desk.auditor"]).get("desk.auditor", 0)
    desk = tell_some("desk.auditor", 60)
    token = token_of(person)

    async def play():
        async with ear(live, token, query=f"after={inbox}:3,desk.auditor:{start}") as socket:
            return await socket.array(), await socket.heads()

    events, heads = asyncio.run(play())
    assert ids_in([event for event in events if event["topic"] == inbox]) == mine
    of_desk = [event for event in events if event["topic"] == "desk.auditor"]
    assert ids_in(of_desk) == desk
    assert seqs_in(of_desk) == list(range(start + 1, start + 61))
    assert heads == {inbox: 5, "desk.auditor": start + 60}


def test_more_than_a_page_is_all_sent(live, person, token_of):
    inbox = inbox_of(person.pk)
    tell_some(inbox, 1203)
    token = token_of(person)

    async def play():
        async with ear(live, token, query=f"after={inbox}:1") as socket:
            return await socket.events(inbox, until=1203)

    assert seqs_in(asyncio.run(play())) == list(range(2, 1204))


def test_without_after_the_last_fifty_of_a_topic_are_sent(live, make_user, token_of):
    user = make_user()
    told = tell_some(inbox_of(user.pk), 55)
    token = token_of(user)

    async def play():
        async with ear(live, token) as socket:
            return await socket.array()

    assert ids_in(asyncio.run(play())) == told[5:]


def test_a_cursor_ahead_of_one_topic_resets_that_topic_alone(live, person, token_of):
    inbox = inbox_of(person.pk)
    told = tell_some(inbox, 2)
    desk = tell_some("desk.auditor", 2)
    head = heads_of(["desk.auditor"])["desk.auditor"]
    token = token_of(person)

    async def play():
        async with ear(live, token, query=f"after={inbox}:77,desk.auditor:{head - 1}") as socket:
            return await socket.array(), await socket.next()

    events, reset = asyncio.run(play())
    assert reset == {"type": "reset", "head": 2, "topic": inbox}
    assert ids_in([event for event in events if event["topic"] == inbox]) == told
    assert ids_in([event for event in events if event["topic"] == "desk.auditor"]) == desk[1:]


def test_other_peoples_topics_in_after_are_ignored(live, make_user, token_of):
    me, other = make_user(), make_user()
    tell_some(inbox_of(other.pk), 2)
    tell_some("desk.auditor", 2)
    told = tell_some(inbox_of(me.pk), 2)
    query = f"after={inbox_of(other.pk)}:0,desk.auditor:0,desk.nothing:0,{inbox_of(me.pk)}:1"
    token = token_of(me)

    async def play():
        async with ear(live, token, query=query) as socket:
            return await socket.array(), await socket.heads()

    events, heads = asyncio.run(play())
    assert ids_in(events) == told[1:]
    assert heads == {inbox_of(me.pk): 2}


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "7",
        "garbage",
        "user.1",
        "user.1:",
        "user.1:-1",
        "user.1:x",
        "user.1:1.5",
        "user.1:99999999999999999999",
        ":%00",
    ],
)
def test_a_cursor_that_is_none_gets_an_error_and_the_socket_lives(live, make_user, token_of, cursor):
    user = make_user()
    told = tell_some(inbox_of(user.pk), 1)
    token = token_of(user)

    async def play():
        async with ear(live, token, query=f"after={cursor}") as socket:
            return await socket.array(), await socket.next(), await socket.heads()

    events, error, heads = asyncio.run(play())
    assert ids_in(events) == told
    assert (error["type"], error["code"]) == ("error", "invalid_after")
    assert heads == {inbox_of(user.pk): 1}


@pytest.mark.parametrize("form", ["text", "object"])
def test_resume_sends_again_what_came_after(live, person, token_of, form):
    inbox = inbox_of(person.pk)
    told = tell_some(inbox, 4)
    after = {"text": f"{inbox}:2,user.1:0", "object": {inbox: 2, "user.1": 0}}[form]
    token = token_of(person)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            await socket.send({"type": "resume", "after": after})
            again = await socket.array()
            live_one = await asyncio.to_thread(tell_some, inbox, 1)
            return again, live_one, await socket.next(), await socket.heads()

    again, live_one, notice, heads = asyncio.run(play())
    assert ids_in(again) == told[2:]
    assert ids_in([notice]) == live_one
    assert heads[inbox] == 5


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "resume"}, "invalid_after"),
        ({"type": "resume", "after": 7}, "invalid_after"),
        ({"type": "resume", "after": {"user.1": "x"}}, "invalid_after"),
        ({"type": "resume", "after": {"user.1": None}}, "invalid_after"),
        ({"type": "message", "message": "hello"}, "unknown_type"),
        ({"message": "hello"}, "unknown_type"),
        ("not json", "not_json"),
        ("[]", "not_an_object"),
        (b"\x00", "binary"),
    ],
)
def test_a_frame_that_is_not_understood_gets_an_error_and_the_socket_lives(live, make_user, token_of, frame, code):
    user = make_user()
    token = token_of(user)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            await socket.send(frame)
            return await socket.next(), await socket.heads()

    error, heads = asyncio.run(play())
    assert (error["type"], error["code"]) == ("error", code)
    assert heads == {inbox_of(user.pk): 0}


# Roles that change meanwhile


def test_a_role_that_is_given_joins_its_desk_and_one_withdrawn_leaves_it(live, make_user, token_of):
    """What the desk held before is not sent: one joins from now on."""
    user = make_user()
    own = inbox_of(user.pk)
    tell_some("desk.auditor", 2)
    token = token_of(user)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            await asyncio.to_thread(roles.assign_role, user=user, name="AUDITOR", assigned_by=None)
            await socket.until_topics_are({own, "desk.auditor"})
            told = await asyncio.to_thread(tell_some, "desk.auditor", 1)
            heard = await socket.next()
            await asyncio.to_thread(roles.withdraw_role, user=user, name="AUDITOR", withdrawn_by=None)
            await socket.until_topics_are({own})
            await asyncio.to_thread(tell_some, "desk.auditor", 1)
            last = await asyncio.to_thread(tell_some, own, 1)
            return told, heard, last, await socket.next()

    told, heard, last, next_one = asyncio.run(play())
    assert (heard["topic"], ids_in([heard])) == ("desk.auditor", told)
    assert (next_one["topic"], ids_in([next_one])) == (own, last)


def test_many_changes_at_once_end_with_what_holds_last(live, make_user, token_of):
    user = make_user()
    both = {inbox_of(user.pk), "desk.auditor", "desk.bank_admin"}  # Not seen on the way, only at the end.
    tell_some("desk.bank_admin", 1)

    def change():
        for name in [*DESKS] * 3:
            roles.assign_role(user=user, name=name, assigned_by=None)
            roles.withdraw_role(user=user, name=name, withdrawn_by=None)
        for name in ("BANK_ADMIN", "AUDITOR"):
            roles.assign_role(user=user, name=name, assigned_by=None)

    token = token_of(user)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            await asyncio.to_thread(change)
            await socket.until_topics_are(both)
            while not (await socket.heads())["desk.bank_admin"]:  # Joined, but not live yet.
                await asyncio.sleep(0.02)
            told = await asyncio.to_thread(tell_some, "desk.bank_admin", 2)
            return told, [await socket.next(), await socket.next()], await socket.heads()

    told, heard, heads = asyncio.run(play())
    assert ids_in(heard) == told
    assert set(heads) == both


def test_a_pong_tells_the_newest_of_each_topic(live, person, token_of):
    inbox = inbox_of(person.pk)
    tell_some(inbox, 3)
    tell_some("desk.auditor", 1)
    token = token_of(person)

    async def play():
        async with ear(live, token) as socket:
            await socket.array()
            before = await socket.heads()
            await asyncio.to_thread(tell_some, inbox, 1)
            await socket.next()
            return before, await socket.heads()

    before, after = asyncio.run(play())
    desk = heads_of(["desk.auditor"])["desk.auditor"]
    assert before == {inbox: 3, "desk.auditor": desk}
    assert after == {inbox: 4, "desk.auditor": desk}
