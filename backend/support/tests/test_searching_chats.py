"""`/api/chats/search/`: what was said in one's own chats is found, and nothing else."""

import threading
import uuid
from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.common.unit_of_work import unit_of_work
from backend.identity.principals import principal_of
from backend.identity.services import roles
from backend.support import search, tasks
from backend.support.frames import event_id
from backend.support.models import Chat, ChatWords
from backend.support.services import chats, edits, members, notes, transfers, words
from backend.support.services.words import RUN
from backend.support.tests.factories import make_talk, store_messages

HERE = "/api/chats/search/"


@pytest.fixture
def here(make_user):
    return make_talk(make_user)


@pytest.fixture
def find(client_of):
    """Search as somebody, through all pages, and return the whole texts of the snippets."""

    def texts(user, query, **more):
        client, found, cursor = client_of(user), [], ""
        while cursor is not None:
            body = client.get(HERE, {"q": query, "cursor": cursor, **more}).json()
            found += ["".join(piece["text"] for piece in hit["snippet"]) for hit in body["results"]]
            cursor = body["next"]
        return found

    return texts


def _note(talk, text):
    notes.add_note(actor=principal_of(talk.agent), chat_id=talk.id, text=text)


def _index(talk):
    words.fill_words()
    return ChatWords.objects.filter(chat=talk.id).exclude(words=None).count()


@pytest.mark.django_db
@pytest.mark.parametrize("is_indexed", [False, True])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("mortgage", ["My MORTGAGE rate, please", "the mortgage was paid"]),
        ("mortgage rate", ["My MORTGAGE rate, please"]),
        ("mort", ["My MORTGAGE rate, please", "the mortgage was paid"]),
        ('"mort"', []),
        ("mort rate", []),  # only the last word may be a beginning
        ('"mortgage was"', ["the mortgage was paid"]),
        ('"was mortgage"', []),
        ("mortgage -paid", ["My MORTGAGE rate, please"]),
        ("rate or paid ", ["My MORTGAGE rate, please", "the mortgage was paid"]),
        ("example.com", ["write to ana.lee@example.com (or ana_lee)"]),
        ("lee", ["write to ana.lee@example.com (or ana_lee)"]),
        ("Привет", ["привет, Ελλάδα"]),
        ("ΕΛΛΆΔΑ", ["привет, Ελλάδα"]),
        ("<b>", ["<b>bold</b> & brave"]),
        ("opened", []),  # what the chat says of itself names people and is not searched
        ("Ana", ["write to ana.lee@example.com (or ana_lee)"]),
    ],
)
def test_words_phrases_beginnings_and_minus(here, find, query, found, is_indexed):
    texts = ["the mortgage was paid", "My MORTGAGE rate, please", "write to ana.lee@example.com (or ana_lee)"]
    store_messages(here, *texts, "привет, Ελλάδα", "<b>bold</b> & brave")
    if is_indexed:
        chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
        words.fill_words()
        assert not ChatWords.objects.filter(chat=here.id, words=None).exists()

    assert find(here.customer, query) == found
    assert find(here.agent, query) == found


@pytest.mark.django_db
@pytest.mark.parametrize("is_indexed", [False, True])
def test_only_ones_own_chats_and_notes_for_agents_only(make_user, find, client_of, is_indexed):
    here, elsewhere = make_talk(make_user), make_talk(make_user)
    store_messages(here, *["about the heron"] * RUN)
    store_messages(elsewhere, *["another heron"] * RUN)
    for _ in range(RUN):
        _note(here, "heron is annoyed")
    if is_indexed:
        assert (_index(here), _index(elsewhere)) == (2, 1)

    assert find(here.customer, "heron") == ["about the heron"] * RUN
    assert sorted(find(here.agent, "heron")) == ["about the heron"] * RUN + ["heron is annoyed"] * RUN
    assert client_of(here.agent).get(HERE, {"q": "heron", "chat": elsewhere.id}).status_code == 404
    assert client_of(make_user()).get(HERE, {"q": "heron"}).json() == {"results": [], "next": None}
    roles.withdraw_role(user=here.agent, name="SUPPORT_AGENT", withdrawn_by=None)
    assert find(here.agent, "heron") == []


@pytest.mark.django_db
def test_an_agent_who_writes_as_a_customer_finds_no_notes_about_themselves(make_user, find):
    here = make_talk(make_user)
    _note(here, "the heron is a colleague")
    roles.assign_role(user=here.customer, name="SUPPORT_AGENT", assigned_by=None)

    assert find(here.customer, "heron") == find(here.customer, "heron", chat=here.id) == []
    assert find(here.agent, "heron", chat=here.id) == ["the heron is a colleague"]


@pytest.mark.django_db
def test_a_chat_that_changes_hands_is_found_by_who_has_it(here, find, make_user):
    store_messages(here, *["the heron"] * RUN)
    assert _index(here) == 1
    transfers.leave_chats(user_id=here.agent.pk, name="Ben")
    assert find(here.agent, "heron") == []
    other = make_user("SUPPORT_AGENT")
    chats.take_chat(actor=principal_of(other), chat_id=here.id)

    assert len(find(other, "heron")) == RUN
    assert find(here.agent, "heron") == []
    assert len(find(here.customer, "heron")) == RUN


@pytest.mark.django_db
@pytest.mark.parametrize("is_indexed", [False, True])
def test_a_changed_message_is_found_by_its_new_text_only(here, find, is_indexed):
    store_messages(here, *["a heron", *["nothing"] * (RUN - 1)])
    if is_indexed:
        assert _index(here) == 1

    changed = {"actor": principal_of(here.customer), "chat_id": here.id, "message_id": uuid.UUID(event_id(here.id, 3))}
    edits.edit_message(**changed, text="a stork")
    assert (find(here.customer, "heron"), find(here.customer, "stork")) == ([], ["a stork"])
    edits.withdraw_message(**changed)
    assert find(here.customer, "stork") == find(here.agent, "heron") == []


@pytest.mark.django_db
def test_pages_follow_one_another_newest_first_over_several_chats(make_user, find, monkeypatch):
    """Chats of one agent go on side by side; what a request looks at is bounded, and pages may come short."""
    agent = make_user("SUPPORT_AGENT")
    talks = []
    for _ in range(3):
        talk = make_talk(make_user)
        Chat.objects.filter(pk=talk.id).update(admin=agent)
        talks.append(talk)
    for number in range(3 * RUN):
        store_messages(talks[number % 3], f"heron {number:03}")
    assert [_index(talk) for talk in talks] == [1, 1, 1]
    expected = [f"heron {number:03}" for number in reversed(range(3 * RUN))]

    assert find(agent, "heron") == find(agent, "heron", limit=1) == expected
    assert find(agent, "heron -7x", limit=7) == expected
    monkeypatch.setattr(search, "READ_FIRST", 1)
    monkeypatch.setattr(search, "READ_MAX", 1)
    assert find(agent, "heron", limit=5) == find(agent, "heron", limit=50) == expected


@pytest.mark.django_db
def test_a_long_past_is_looked_through_request_by_request(here, find, monkeypatch):
    """No request looks at more than its share of the index, and none is skipped between two."""
    with connection.cursor() as cursor:
        store_messages(here, *[f"heron {number}" for number in range(8)])
        cursor.execute(
            "UPDATE realtime_event SET created_at = now() - (100 - seq) * interval '1 day' WHERE topic_id = "
            "(SELECT id FROM realtime_topic WHERE key = %s)",
            [here.topic],
        )
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
    assert _index(here) == 8, "a run ends with its day"
    monkeypatch.setattr(search, "LOOK_MAX", 3)

    assert find(here.customer, "heron") == [f"heron {number}" for number in reversed(range(8))]
    assert find(here.customer, "heron 2") == ["heron 2"]


@pytest.mark.django_db
def test_the_cost_does_not_grow_with_what_is_found(here, client_of, django_assert_num_queries):
    store_messages(here, *["heron"] * 3)
    client = client_of(here.customer)
    client.get(HERE, {"q": "heron"})
    with CaptureQueriesContext(connection) as few:
        client.get(HERE, {"q": "heron"})
    store_messages(here, *["heron"] * (3 * RUN))
    _index(here)

    with django_assert_num_queries(len(few)):
        client.get(HERE, {"q": "heron"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": " "}, "q"),
        ({"q": "..."}, "q"),
        ({"q": "-heron"}, "q"),
        ({"q": "heron or -stork"}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"q": "a\x00"}, "q"),
        ({"q": "heron", "chat": "5"}, "chat"),
        ({"q": "heron", "cursor": "nonsense"}, "cursor"),
        ({"q": "heron", "cursor": "ZmlzaA=="}, "cursor"),
        ({"q": "heron", "limit": "0"}, "limit"),
        ({"q": "heron", "limit": "51"}, "limit"),
    ],
)
def test_what_cannot_be_looked_for_is_said(here, client_of, asked, field):
    response = client_of(here.customer).get(HERE, asked)
    assert (response.status_code, list(response.json())) == (400, [field])


@pytest.mark.django_db
def test_nothing_that_is_typed_fails(here, client_of):
    client = client_of(here.customer)
    typed = [
        "!",
        "'",
        '"',
        '"a',
        "a:*",
        "(a",
        "a & ",
        "a\\",
        "%s",
        "or",
        "or or",
        "a'b",
        "- a",
        "--a",
        "a  ",
        "\U0001f600",
    ]
    assert {client.get(HERE, {"q": text}).status_code for text in typed} == {200, 400}


@pytest.mark.parametrize(
    ("text", "marked", "pieces"),
    [
        ("a heron", "a \ue000heron\ue001", [("a ", False), ("heron", True)]),
        ("<i>heron</i>", " i \ue000heron\ue001  i ", [("<i>", False), ("heron", True), ("</i>", False)]),
        (
            "x" * 50 + "heron" + "y" * 200,
            "x" * 50 + "\ue000heron\ue001" + "y" * 200,
            [("…", False), ("x" * 40, False), ("heron", True), ("y" * 115, False), ("…", False)],
        ),
        ("abc", "ab", [("abc", False)]),  # moved marks are no marks
    ],
)
def test_a_snippet_is_the_text_itself_around_its_first_hit(text, marked, pieces):
    assert search.snippet(text, marked) == pieces


def test_an_edit_and_the_index_at_the_same_moment_leave_the_new_text(live, talk):
    """The index is filled while an edit is under way: whoever comes second sees what the first one did."""
    store_messages(talk, *["a heron", *["nothing"] * (RUN - 1)])
    filled = threading.Thread(target=lambda: (words.fill_words(chats=10_000), connection.close()))
    changed = {"actor": principal_of(talk.customer), "chat_id": talk.id, "message_id": uuid.UUID(event_id(talk.id, 3))}
    with unit_of_work():
        edits.edit_message(**changed, text="a stork")
        filled.start()
        filled.join(10)  # It leaves out what is being edited, so it ends before we do.
        assert not filled.is_alive()
        assert not ChatWords.objects.filter(chat=talk.id, is_desk=False).exclude(words=None).exists()
    words.fill_words(chats=10_000)

    with connection.cursor() as cursor:
        cursor.execute("SELECT words FROM support_chatwords WHERE chat_id = %s AND first_seq = 3", [talk.id])
        assert ("'stork'" in (row := cursor.fetchone()[0]), "'heron'" in row) == (True, False)


@pytest.mark.django_db
def test_a_round_goes_through_every_chat_once_though_some_stay_due(make_user):
    """Six messages and two states make a tail due whose run is not complete; it holds up no other, nor the round."""
    stuck = [make_talk(make_user) for _ in range(3)]
    full = make_talk(make_user)
    for one in stuck:
        store_messages(one, *["nothing yet"] * 6)
    store_messages(full, *["a heron"] * RUN)

    place, passes = words.START, 0
    while place is not None:
        place, passes = words.fill_words(after=place, chats=2, events=1), passes + 1

    assert passes == 5
    assert ChatWords.objects.filter(chat=full.id).exclude(words=None).count() == 1
    assert not ChatWords.objects.filter(chat__in=[one.id for one in stuck]).exclude(words=None).exists()


@pytest.mark.django_db
def test_the_job_reads_in_whatever_is_due(here, find):
    store_messages(here, *["a heron"] * RUN)

    tasks.read_in_words()

    assert ChatWords.objects.filter(chat=here.id).exclude(words=None).count() == 1


@pytest.mark.django_db
def test_chats_of_before_the_search_get_their_tails(here, find):
    store_messages(here, "an old heron")
    ChatWords.objects.all().delete()
    assert find(here.customer, "heron") == []

    migration = import_module("backend.support.migrations.0006_tails_of_earlier_chats")
    with connection.cursor() as cursor:
        cursor.execute(migration.TAILS)
        cursor.execute(migration.TAILS)
    assert find(here.customer, "heron") == ["an old heron"]
    assert ChatWords.objects.filter(chat=here.id).count() == 2


@pytest.mark.django_db
def test_a_chat_that_goes_on_after_its_end_is_found_again(here, find):
    store_messages(here, "the first heron")
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
    _index(here)
    assert not ChatWords.objects.filter(chat=here.id, words=None).exists()
    chats.reopen_chat(actor=principal_of(here.customer), chat_id=here.id)
    store_messages(here, "the second heron")

    assert find(here.customer, "heron") == ["the second heron", "the first heron"]
    assert list(ChatWords.objects.filter(chat=here.id, words=None, is_desk=False).values_list("first_seq")) == [(4,)]


@pytest.mark.django_db
def test_notes_about_a_closed_chat_are_found_before_and_after_they_are_read_in(here, find):
    _note(here, "an early heron")
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
    _index(here)
    assert not ChatWords.objects.filter(chat=here.id, words=None).exists()
    for _ in range(2):
        _note(here, "a late heron")

    found = ["a late heron", "a late heron", "an early heron"]
    assert find(here.agent, "heron") == found
    assert _index(here) == 2
    assert find(here.agent, "heron") == found
    assert find(here.customer, "heron") == []


@pytest.mark.django_db
def test_who_was_let_into_a_chat_searches_that_chat_with_its_notes(here, find, make_user):
    """A grant opens a door, it makes no chat one's own: it is not looked up for the rows of a list."""
    boss, colleague = make_user(is_staff=True, is_superuser=True), make_user("SUPPORT_AGENT")
    members.add_member(actor=principal_of(boss), chat_id=here.id, user_id=colleague.pk)
    store_messages(here, "a heron")
    _note(here, "heron is annoyed")

    assert find(colleague, "heron", chat=here.id) == ["heron is annoyed", "a heron"]
    assert find(colleague, "heron") == []
