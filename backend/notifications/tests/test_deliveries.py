"""Mail and push: only for who is not connected, once, again after a fault."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.core import mail

from backend.common.unit_of_work import unit_of_work
from backend.notifications import tasks
from backend.notifications.models import Delivery, PushDevice
from backend.notifications.notices import ChatClosed, KycDecided
from backend.notifications.services import deliveries, inbox_of, tell
from backend.tests.commits import in_parallel

TOKEN = "ExponentPushToken[abc]"


class Expo:
    """A push service: keeps what it got, answers what it is told to."""

    def __init__(self) -> None:
        self.got: list[list[dict[str, object]]] = []
        self.status = 200
        self.tickets: list[dict[str, object]] = [{"status": "ok"}]
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.got.append(json.loads(body))
                answer = json.dumps({"data": service.tickets}).encode()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/push"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def expo(settings) -> Iterator[Expo]:
    service = Expo()
    settings.EXPO_PUSH_URL = service.url
    yield service
    service.server.shutdown()
    service.server.server_close()


@pytest.fixture(autouse=True)
def _at_once(settings) -> None:
    settings.DELIVERY_DELAY_SECONDS = 0


def decide(user_id: int) -> None:
    with unit_of_work() as unit:
        notice = KycDecided(kyc_status="REJECTED", reason="The picture is blurred.")
        tell(unit, topics=[inbox_of(user_id)], notice=notice)


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


@pytest.mark.django_db
def test_who_is_not_connected_gets_a_mail_and_a_push_once(make_user, expo, client_of):
    user = make_user(first_name="Ana")
    client_of(user).post("/api/notifications/devices/", {"token": TOKEN})
    decide(user.pk)

    tasks.deliver_due()
    tasks.deliver_due()

    (message,) = mail.outbox
    assert (message.to, message.subject) == ([user.email], "Your verification was not successful")
    assert "Hello Ana" in message.body
    assert [[push["to"] for push in sent] for sent in expo.got] == [[TOKEN]]
    assert states() == ["SENT"]


@pytest.mark.django_db
def test_who_is_connected_or_has_read_it_gets_none(make_user, client_of):
    connected, reader = make_user(), make_user()
    deliveries.note_online([connected.pk])
    for user in (connected, reader):
        decide(user.pk)
    client_of(reader).post("/api/notifications/1/read/")

    tasks.deliver_due()

    assert (mail.outbox, states()) == ([], ["CANCELLED", "CANCELLED"])


@pytest.mark.django_db
def test_it_waits_a_moment_for_its_reader(make_user, settings):
    settings.DELIVERY_DELAY_SECONDS = 30
    decide(make_user().pk)

    tasks.deliver_due()

    assert (mail.outbox, states()) == ([], ["PENDING"])


@pytest.mark.django_db
def test_only_what_matters_is_sent_out(make_user):
    with unit_of_work() as unit:
        tell(unit, topics=[inbox_of(make_user().pk)], notice=ChatClosed(chat_id="c", closed_by=1))

    assert states() == []


@pytest.mark.django_db
def test_a_rollback_sends_nothing(make_user):
    user = make_user()
    with pytest.raises(RuntimeError), unit_of_work() as unit:
        tell(unit, topics=[inbox_of(user.pk)], notice=KycDecided(kyc_status="APPROVED", reason=""))
        raise RuntimeError

    assert states() == []


@pytest.mark.django_db
def test_a_service_that_is_away_is_tried_again_and_given_up(make_user, expo):
    user = make_user()
    PushDevice.objects.create(user_id=user.pk, token=TOKEN)
    expo.status = 503
    decide(user.pk)

    tasks.deliver_due()
    first = Delivery.objects.get()
    for _ in range(4):
        Delivery.objects.update(due_at=datetime.now(UTC) - timedelta(seconds=1))
        tasks.deliver_due()

    assert (first.state, first.attempts, first.due_at > datetime.now(UTC)) == ("PENDING", 1, True)
    assert states() == ["FAILED"]


@pytest.mark.django_db
def test_a_phone_that_is_gone_is_forgotten(make_user, expo):
    user = make_user()
    PushDevice.objects.create(user_id=user.pk, token=TOKEN)
    expo.tickets = [{"status": "error", "details": {"error": "DeviceNotRegistered"}}]
    decide(user.pk)

    tasks.deliver_due()

    assert (PushDevice.objects.count(), states()) == (0, ["SENT"])


@pytest.mark.django_db
def test_whoever_is_blocked_gets_no_mail(make_user):
    decide(make_user(is_active=False).pk)

    tasks.deliver_due()

    assert (mail.outbox, states()) == ([], ["CANCELLED"])


def test_two_workers_at_once_send_each_once(committed, make_user):
    for _ in range(6):
        decide(make_user().pk)

    results = in_parallel(deliveries.deliver_due, deliveries.deliver_due)

    assert sum(results) == 6
    assert len(mail.outbox) == 6


@pytest.mark.django_db
def test_a_phone_belongs_to_whoever_used_it_last(make_user, client_of):
    first, second = make_user(), make_user()
    for user in (first, second, second):
        answer = client_of(user).post("/api/notifications/devices/", {"token": TOKEN})
    refused = client_of(second).post("/api/notifications/devices/", {"token": "anything"})

    assert answer.status_code == 204
    assert list(PushDevice.objects.values_list("user_id", flat=True)) == [second.pk]
    assert refused.status_code == 422
    client_of(first).delete(f"/api/notifications/devices/?token={TOKEN}")
    assert PushDevice.objects.count() == 1
    client_of(second).delete(f"/api/notifications/devices/?token={TOKEN}")
    assert PushDevice.objects.count() == 0
