"""`/api/chats/times/`: first response and resolution, computed from what chats keep, against a reckoning by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from backend.common.principal import Principal
from backend.identity.principals import principal_of
from backend.support.frames import said
from backend.support.models import Chat, Handover, Rating
from backend.support.services import chats, messages, transfers, triage
from backend.support.tests.factories import make_talk, store_messages

HERE = "/api/chats/times/"
DAY = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def here(make_user):
    return make_talk(make_user)


@pytest.fixture
def boss(make_user, client_of):
    return client_of(make_user(is_staff=True, is_superuser=True))


def _say(talk, *whos):
    """Have the members say something, all in one statement, as the group committer does."""
    people: dict[str, Principal] = {"customer": principal_of(talk.customer), "agent": principal_of(talk.agent)}
    drafts = [said({"message": "word"}, chat_id=talk.id, author=people[who], role=who) for who in whos]
    messages.store_messages(drafts)
    return Chat.objects.get(pk=talk.id)


def _past(chat_id, **columns):
    """Put a chat's times into the past, around the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE support_chat DISABLE TRIGGER USER")
        Chat.objects.filter(pk=chat_id).update(**columns)
        cursor.execute("ALTER TABLE support_chat ENABLE TRIGGER USER")


@pytest.mark.django_db
def test_the_first_answer_is_the_agents_first_word_after_the_customers(here):
    greeted = _say(here, "agent")
    assert (greeted.first_asked_at, greeted.first_answered_at) == (None, None), "a greeting answers nothing"
    asked = _say(here, "customer", "customer")
    assert (asked.first_asked_at is not None, asked.first_answered_at) == (True, None)
    answered = _say(here, "agent")
    assert answered.first_answered_at > answered.first_asked_at == asked.first_asked_at
    assert answered.first_answered_by == here.agent.pk
    later = _say(here, "customer", "agent")
    assert (later.first_asked_at, later.first_answered_at) == (asked.first_asked_at, answered.first_answered_at)


@pytest.mark.django_db
@pytest.mark.parametrize(("whos", "is_answered"), [(("customer", "agent"), True), (("agent", "customer"), False)])
def test_within_one_statement_the_order_counts(here, whos, is_answered):
    chat = _say(here, *whos)
    assert (chat.first_asked_at is not None, chat.first_answered_at is not None) == (True, is_answered)


@pytest.mark.django_db
def test_what_is_refused_answers_nothing(here, make_user):
    stranger = principal_of(make_user("SUPPORT_AGENT"))
    messages.store_messages([said({"message": "x"}, chat_id=here.id, author=stranger, role="agent")])
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
    chat = _say(here, "customer", "agent")
    assert (chat.first_asked_at, chat.first_answered_at) == (None, None)


@pytest.mark.django_db
def test_rest_and_absence_are_kept_whoever_ends_them(here):
    agent = principal_of(here.agent)
    hour = timedelta(hours=1)

    def snooze(for_how_long, since):
        triage.snooze_chat(actor=agent, chat_id=here.id, until=datetime.now(UTC) + hour)
        _past(here.id, snoozed_at=datetime.now(UTC) - since, snoozed_until=datetime.now(UTC) - since + for_how_long)

    def kept():
        return round(Chat.objects.get(pk=here.id).snoozed_for / hour, 2)

    snooze(3 * hour, since=2 * hour)
    assert (_say(here, "agent").snoozed_until is not None, kept()) == (True, 0)
    assert (_say(here, "customer").snoozed_until, kept()) == (None, 2), "woken by the customer"
    snooze(hour, since=5 * hour)
    _say(here, "customer")
    assert kept() == 3, "it had ended by itself"
    snooze(9 * hour, since=hour)
    triage.wake_chat(actor=agent, chat_id=here.id)
    assert kept() == 4
    snooze(9 * hour, since=hour)
    chats.close_chat(actor=agent, chat_id=here.id)
    assert kept() == 5
    _past(here.id, closed_at=datetime.now(UTC) - 7 * hour)
    chats.reopen_chat(actor=principal_of(here.customer), chat_id=here.id)
    assert round(Chat.objects.get(pk=here.id).away_for / hour, 2) == 7


@pytest.mark.django_db
def test_every_way_out_of_an_agents_hands_is_a_handover_and_reopening_is_none(here, make_user):
    other = make_user("SUPPORT_AGENT")
    transfers.transfer_chat(actor=principal_of(here.agent), chat_id=here.id, agent_id=other.pk)
    transfers.transfer_chat(actor=principal_of(other), chat_id=here.id, agent_id=None)
    chats.take_chat(actor=principal_of(here.agent), chat_id=here.id)
    chats.close_chat(actor=principal_of(here.agent), chat_id=here.id)
    chats.reopen_chat(actor=principal_of(here.customer), chat_id=here.id)

    kept = Handover.objects.filter(chat=here.id).order_by("pk").values_list("from_agent", "to_agent")
    assert list(kept) == [(here.agent.pk, other.pk), (other.pk, None)]


@pytest.mark.django_db
def test_counts_medians_and_ratings_by_day_and_agent(make_user, boss, client_of):
    second, first_agent = timedelta(seconds=1), make_user("SUPPORT_AGENT")
    talks = [make_talk(make_user) for _ in range(4)]
    for number, (answer, length) in enumerate([(10, 100), (20, 200), (90, 900)]):
        closed = DAY + timedelta(days=number // 2)
        _past(
            talks[number].id,
            admin=first_agent,
            created_at=closed - length * second - timedelta(hours=2),
            snoozed_for=timedelta(hours=1),
            away_for=timedelta(hours=1),
            closed_at=closed,
            first_asked_at=DAY,
            first_answered_at=DAY + answer * second,
            first_answered_by=first_agent.pk,
        )
    Rating.objects.create(chat_id=talks[0].id, stars=5)
    Rating.objects.create(chat_id=talks[2].id, stars=2)
    Handover.objects.create(chat_id=talks[0].id, from_agent=first_agent.pk, at=DAY)
    Handover.objects.create(chat_id=talks[3].id, from_agent=talks[3].agent.pk, at=DAY)

    asked = {"from": "2026-03-10", "to": "2026-03-11"}
    found = boss.get(HERE, asked).json()
    one, other = sorted(found["agents"], key=lambda row: -row["first_responses"]["count"])
    assert one == {
        "agent": first_agent.pk,
        "first_responses": {"count": 3, "median_s": 20.0, "p90_s": 76.0},
        "resolutions": {"count": 3, "median_s": 200.0, "p90_s": 760.0},
        "transfers": 1,
        "ratings": {"count": 2, "average": 3.5},
    }
    assert (other["agent"], other["transfers"]) == (talks[3].agent.pk, 1)
    assert [(day["date"], day["resolutions"]["count"], day["transfers"]) for day in found["days"]] == [
        ("2026-03-10", 2, 2),
        ("2026-03-11", 1, 0),
    ]
    assert (found["total"]["transfers"], len(found["agents_by_day"])) == (2, 3)
    own = client_of(first_agent).get(HERE, asked).json()
    assert own["agents"] == [one] == boss.get(HERE, {**asked, "agent": first_agent.pk}).json()["agents"]
    assert client_of(first_agent).get(HERE, {**asked, "agent": talks[3].agent.pk}).status_code == 403


@pytest.mark.django_db
def test_a_day_is_that_of_the_time_zone(here, boss):
    _past(here.id, closed_at=datetime(2026, 3, 10, 23, 30, tzinfo=UTC), created_at=DAY)

    def days(zone):
        found = boss.get(HERE, {"from": "2026-03-01", "to": "2026-03-20", "tz": zone}).json()
        return [day["date"] for day in found["days"] if day["resolutions"]["count"]]

    assert (days("UTC"), days("Asia/Kolkata"), days("America/Lima")) == (["2026-03-10"], ["2026-03-11"], ["2026-03-10"])


@pytest.mark.django_db
def test_nothing_is_nothing_and_bad_questions_are_said(boss):
    empty = boss.get(HERE).json()
    assert (empty["days"], empty["total"]["resolutions"]) == ([], {"count": 0, "median_s": None, "p90_s": None})
    for asked, field in [
        ({"from": "2026-03-10", "to": "2026-03-09"}, "from"),
        ({"from": "2025-01-01", "to": "2026-03-09"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"tz": "Mars/Base"}, "tz"),
        ({"agent": "me"}, "agent"),
    ]:
        answer = boss.get(HERE, asked)
        assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.django_db
def test_messages_after_the_first_ones_write_no_chat(here):
    """What is kept costs an update twice in a chat's life, not with every message."""
    _say(here, "customer", "agent")
    before = _version(here)
    _say(here, "customer", "agent")
    store_messages(here, "more")
    assert _version(here) == before


def _version(talk):
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text FROM support_chat WHERE id = %s", [talk.id])
        return cursor.fetchone()[0]
