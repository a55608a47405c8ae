"""The inbox's page: whose chats it lists, what the card tells, and what it costs among very many."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.support.frames import said, topic_of
from backend.support.models import Chat
from backend.support.services import chats, members, messages
from backend.support.tests.factories import make_available, nobody_is_available, waiting_chat

pytestmark = pytest.mark.django_db

QUERIES_MAX = 12
WEIGHT_MAX = 200_000
MANY = 10_000


def opened(agent: User, customer: User) -> Chat:
    nobody_is_available()
    chat = waiting_chat(customer)
    return chats.take_chat(actor=principal_of(agent), chat_id=chat.pk)


def say(chat: Chat, author: User, text: str) -> None:
    role = "customer" if author.pk == chat.customer_id else "agent"
    messages.post_message(message=said({"message": text}, chat_id=chat.pk, author=principal_of(author), role=role))


def listed(client, view: str) -> list[str]:
    body = client.get(f"/console/inbox/list/?view={view}").content.decode()
    return re.findall(r'data-chat="([0-9a-f-]{36})"', body)


def test_each_list_has_what_is_theirs(make_user, visit):
    agent, colleague = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    mine, closed, theirs, shared = (opened(who, make_user()) for who in (agent, agent, colleague, colleague))
    chats.close_chat(actor=principal_of(agent), chat_id=closed.pk)
    members.add_member(actor=principal_of(colleague), chat_id=shared.pk, user_id=agent.pk)
    waiting = waiting_chat(make_user())

    client = visit(agent)

    assert listed(client, "queue") == [str(waiting.pk)]
    assert set(listed(client, "mine")) == {str(mine.pk), str(shared.pk)}
    assert set(listed(client, "all")) == {str(mine.pk), str(shared.pk), str(closed.pk)}
    assert str(theirs.pk) not in client.get("/console/inbox/?view=all").content.decode()


def test_a_row_shows_what_was_said_last_as_text_and_how_much_is_unread(make_user, visit):
    agent, customer = make_user("SUPPORT_AGENT"), make_user(first_name="<b>Eve")
    chat = opened(agent, customer)
    say(chat, customer, "hello")
    say(chat, customer, "<script>alert(1)</script>")

    body = visit(agent).get("/console/inbox/").content.decode()

    assert "<script>alert" not in body
    assert "<b>Eve" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body
    assert f'data-chat="{chat.pk}" data-unread="2"' in body


def test_the_card_is_for_who_answers_and_says_what_their_role_may_know(make_user, visit):
    agent, stranger = make_user("SUPPORT_AGENT"), make_user("SUPPORT_AGENT")
    customer = make_user(kyc_status=User.KycStatus.APPROVED, risk_profile=User.RiskProfile.HIGH)
    first = opened(agent, customer)
    chats.close_chat(actor=principal_of(agent), chat_id=first.pk)
    chat = opened(agent, customer)
    path = f"/console/inbox/{chat.pk}/card/"

    card = visit(agent).get(path).content.decode()

    assert "approved" in card
    assert customer.email in card
    assert str(first.pk) in card
    assert "HIGH" not in card  # The risk is for those who verify.
    assert visit(stranger).get(path).status_code == 404
    assert visit(make_user("BANK_ADMIN")).get(path).status_code == 403
    assert visit(agent).get(f"/console/inbox/{uuid.uuid4()}/card/").status_code == 404


def test_a_page_that_is_none_is_refused(make_user, visit):
    client = visit(make_user("SUPPORT_AGENT"))

    for cursor in ("x", "YQ==", "MjAyNg==", "é"):
        assert client.get("/console/inbox/list/", {"cursor": cursor}).status_code == 422


@pytest.fixture
def crowd(make_user):
    """An agent with 10,000 chats, most of them closed, 200 open."""
    agent = make_user("SUPPORT_AGENT")
    people = User.objects.bulk_create(
        User(email=f"{n}@crowd.example", username=f"crowd-{n}", password="!", first_name=f"N{n}") for n in range(MANY)
    )
    since = datetime.now(UTC) - timedelta(days=300)
    made = Chat.objects.bulk_create(
        Chat(customer=who, admin=agent, assigned_at=since, closed_at=None if n < 200 else since, closed_by=None)
        for n, who in enumerate(people)
    )
    with connection.cursor() as cursor:
        topics = [topic_of(chat.pk) for chat in made]
        cursor.execute("INSERT INTO realtime_topic (key, head) SELECT unnest(%s::text[]), 0", [topics])
    return agent, made


def test_among_ten_thousand_chats_the_first_page_costs_twelve_queries_and_is_light(crowd, visit):
    agent, made = crowd
    make_available(agent)
    for chat in made[:60]:
        say(chat, agent, "words " * 40)
    client = visit(agent)
    client.get("/console/")  # What a process loads once.

    with CaptureQueriesContext(connection) as seen:
        body = client.get("/console/inbox/?view=all").content

    assert len(seen) <= QUERIES_MAX, [query["sql"][:120] for query in seen]
    assert len(re.findall(rb'data-chat="', body)) == 50
    assert len(body) + weight_of_statics(body.decode()) < WEIGHT_MAX


def weight_of_statics(body: str) -> int:
    """Return the bytes of all styles and scripts that the page loads, as they lie on the disk: uncompressed."""
    names = set(re.findall(r'(?:src|href)="/static/([^"]+)"', body))
    waiting, done = list(names), set()
    while waiting:
        name = waiting.pop()
        done.add(name)
        source = open(finders.find(name)).read()  # noqa: SIM115
        folder = name.rpartition("/")[0]
        found = {f"{folder}/{other}" for other in re.findall(r'from "\./([\w.]+)"', source)}
        waiting += found - done
    return sum(len(open(finders.find(name), "rb").read()) for name in done)  # noqa: SIM115


def test_every_page_of_a_list_costs_the_same(crowd, visit):
    agent, _ = crowd
    client = visit(agent)
    client.get("/console/")
    seen, path, counts = [], "/console/inbox/list/?view=all", []
    for _ in range(3):
        with CaptureQueriesContext(connection) as queries:
            body = client.get(path).content.decode()
        counts.append(len(queries))
        seen += re.findall(r'data-chat="([0-9a-f-]{36})"', body)
        path = re.search(r'hx-get="([^"]+cursor[^"]+)"', body)[1].replace("&amp;", "&")

    assert len(set(seen)) == 150
    assert len(set(counts)) == 1
