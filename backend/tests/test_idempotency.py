"""One effect for one key: the saved answer, what is another request, what is not saved, and races."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from backend.common import idempotency, tasks
from backend.common.errors import Forbidden, KeyReused, RuleViolation, StillRunning
from backend.common.hooks import Erasure, Export
from backend.common.idempotency import idempotent
from backend.common.idempotent_views import idempotent_post
from backend.common.models import RateLimit, SavedAnswer
from backend.common.unit_of_work import unit_of_work
from backend.identity.principals import principal_of
from backend.realtime.models import Event
from backend.tests.commits import in_parallel


def effect(name="done"):
    """Something that is stored, and a word of it to a topic."""
    with unit_of_work() as unit:
        now = datetime.now(UTC)
        RateLimit.objects.create(identifier=str(uuid.uuid4()), endpoint=name, window_start=now, window_end=now)
        unit.emit(topics=["user.1"], kind="chat.closed", payload={"chat_id": name, "closed_by": 1})


def effects():
    return RateLimit.objects.count(), Event.objects.count(), SavedAnswer.objects.count()


def ask(key="k1", body=None, make=None, actor="user:1", route="POST things/"):
    def done():
        effect()
        return 201, {"id": str(uuid.uuid4())}

    return idempotent(actor=actor, route=route, key=key, request_body=body or {"a": 1}, make=make or done)


@pytest.mark.django_db
def test_a_repeat_gets_the_first_answer_and_has_no_effect():
    first, again = ask(), ask()

    assert (first.replayed, again.replayed) == (False, True)
    assert (first.status, first.body) == (again.status, again.body) == (201, first.body)
    assert effects() == (1, 1, 1)


@pytest.mark.django_db
def test_fields_in_another_order_are_the_same_request():
    ask(body={"a": 1, "b": {"c": 2, "d": 3}})
    assert ask(body={"b": {"d": 3, "c": 2}, "a": 1}).replayed


@pytest.mark.django_db
def test_another_body_under_the_same_key_is_refused():
    ask()
    with pytest.raises(KeyReused):
        ask(body={"a": 2})
    assert effects() == (1, 1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("other", [{"key": "k2"}, {"actor": "user:2"}, {"route": "POST others/"}])
def test_another_actor_route_or_key_is_another_request(other):
    ask()
    assert not ask(**other).replayed
    assert effects() == (2, 2, 2)


@pytest.mark.django_db
def test_a_refusal_is_not_saved_and_may_be_allowed_later():
    def refuse():
        effect()
        raise RuleViolation

    with pytest.raises(RuleViolation):
        ask(make=refuse)
    assert effects() == (0, 0, 0)
    assert not ask().replayed


@pytest.mark.django_db
def test_a_crash_between_the_work_and_its_answer_leaves_neither():
    def crash():
        effect()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(make=crash)
    assert effects() == (0, 0, 0)
    assert (ask().replayed, ask().replayed) == (False, True)
    assert effects() == (1, 1, 1)


@pytest.mark.django_db
def test_answers_are_kept_for_thirty_days():
    ask()
    ask(key="old")
    month = datetime.now(UTC) - timedelta(days=30, minutes=1)
    SavedAnswer.objects.filter(key="old").update(created_at=month)

    tasks.forget_old_answers()

    assert list(SavedAnswer.objects.values_list("key", flat=True)) == ["k1"]


@pytest.mark.django_db
def test_a_persons_answers_are_exported_and_erased():
    ask()
    ask(actor="user:2")
    found = {}
    idempotency.export_answers(Export(1, lambda name, rows: found.update({name: list(rows)})))
    idempotency.erase_answers(Erasure(1, "gone"))

    assert [row["key"] for row in found["common/saved_answers.json"]] == ["k1"]
    assert list(SavedAnswer.objects.values_list("actor", flat=True)) == ["user:2"]


# At once


def test_of_twenty_at_once_one_has_an_effect(committed):
    answers = in_parallel(*[ask] * 20)

    done = [answer for answer in answers if not isinstance(answer, Exception)]
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} <= {StillRunning}
    assert [answer.replayed for answer in done].count(False) == 1
    assert len({answer.body for answer in done}) == 1
    assert effects() == (1, 1, 1)
    assert ask().body == done[0].body


def test_while_the_first_is_at_work_the_second_hears_so_at_once(committed):
    def slow():
        effect()
        (second,) = in_parallel(ask)
        assert isinstance(second, StillRunning)
        return 201, {}

    assert not ask(make=slow).replayed
    assert ask().replayed


# At the doors


class Things(APIView):
    authentication_classes = []
    permission_classes = []

    @idempotent_post()
    def post(self, request, name="", **kwargs):
        if request.data.get("refuse"):
            raise Forbidden
        effect()
        return Response(None if name == "none" else {"id": str(uuid.uuid4())}, status=204 if name == "none" else 201)


class Required(Things):
    post = idempotent_post(required=True)(Things.post.__wrapped__)


urlpatterns = [
    path("things/", Things.as_view()),
    path("api/things/", Things.as_view()),
    path("things/<str:name>/", Things.as_view()),
    path("required/", Required.as_view()),
]


@pytest.fixture
def client(make_user):
    client = APIClient()
    with override_settings(ROOT_URLCONF=__name__):
        client.force_authenticate(principal_of(make_user()))
        yield client


def post(client, path="/things/", key="k1", body=None):
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    return client.post(path, body or {"a": 1}, format="json", **headers)


@pytest.mark.django_db
def test_a_route_replays_to_the_byte_and_says_so(client):
    first, again, elsewhere = post(client), post(client), post(client, "/api/things/")

    assert [answer.status_code for answer in (first, again, elsewhere)] == [201] * 3
    assert first.content == again.content == elsewhere.content
    assert [answer.headers.get("Idempotent-Replayed") for answer in (first, again, elsewhere)] == [None, "true", "true"]
    assert effects()[0] == 1


@pytest.mark.django_db
def test_a_route_without_a_key_works_each_time(client):
    assert [post(client, key=None).status_code for _ in range(2)] == [201, 201]
    assert effects() == (2, 2, 0)


@pytest.mark.django_db
def test_an_answer_without_a_body_is_replayed_without_one(client):
    first, again = post(client, "/things/none/"), post(client, "/things/none/")

    assert (first.status_code, first.content, again.status_code, again.content) == (204, b"", 204, b"")
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.django_db
def test_a_key_is_for_one_thing(client):
    """The pattern is the same, the thing is another."""
    post(client, "/things/a/")
    response = post(client, "/things/b/")

    assert (response.status_code, response.json()["code"]) == (422, "idempotency.key_reused")
    assert effects()[0] == 1


@pytest.mark.django_db
def test_a_route_that_refuses_saves_nothing(client):
    assert post(client, body={"refuse": True}).status_code == 403
    assert effects()[2] == 0
    assert post(client).status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ключ"])
def test_a_key_that_is_none_is_refused(client, key):
    response = post(client, key=key)

    assert (response.status_code, list(response.json())) == (400, ["Idempotency-Key"])
    assert effects() == (0, 0, 0)


@pytest.mark.django_db
def test_where_a_key_is_required_its_absence_is_refused(client):
    assert post(client, "/required/", key=None).status_code == 400
    assert post(client, "/required/").status_code == 201


def test_a_route_that_is_at_work_says_when_to_come_back(committed, client):
    with unit_of_work():
        idempotency._lock(f"user:{client.handler._force_user.id}", "POST things/", "k1")
        (answer,) = in_parallel(lambda: post(client))
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency.still_running")
    assert answer.headers["Retry-After"] == "1"
    assert post(client).status_code == 201
