"""Files in chats against a real server: clients that break off, crawl, or do not read; and files on the socket."""

import asyncio
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings

from backend.common.models import StoredFile
from backend.common.tests.made_files import picture, png_of_size
from backend.support.models import Attachment
from backend.support.services.attachments import SIZE_MAX
from backend.support.tests.factories import texts_in
from backend.support.tests.wire import wire
from backend.tests.servers import Server
from backend.tests.serving_process import Reply, is_closed, read_reply, request_bytes
from backend.tests.stage import Form
from bench.client import call

pytestmark = pytest.mark.server

UPLOADS = 2
PATIENCE_S = 30


@pytest.fixture(scope="module")
def var(tmp_path_factory):
    return tmp_path_factory.mktemp("var")


@pytest.fixture(scope="module")
def own(live_database, var, tmp_path_factory):
    """A server with files of its own, which takes in two uploads at a time."""
    server = Server(
        live_database,
        folder=tmp_path_factory.mktemp("own"),
        EASE_VAR=str(var),
        SECRET_KEY=settings.SECRET_KEY,
        UPLOAD_THREADS=str(UPLOADS),
        ALLOWED_HOSTS="test 127.0.0.1",
    )
    with server.running():
        yield server


def connect(server: Server, receive_buffer: int | None = None) -> socket.socket:
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(PATIENCE_S)
    client.connect(("127.0.0.1", server.port))
    return client


def head_of_upload(talk, body: bytes, kind: str, length: bool = True) -> bytes:
    size = f"Content-Length: {len(body)}" if length else "Transfer-Encoding: chunked"
    bearer = f"Authorization: Bearer {talk.customer_token}"
    return request_bytes("POST", f"/api/chats/{talk.id}/attachments/", bearer, f"Content-Type: {kind}", size)


def send_upload(server: Server, talk, content: bytes) -> Reply:
    body, kind = Form("card.png", content).encoded()
    with connect(server) as client:
        client.sendall(head_of_upload(talk, body, kind) + body)
        return read_reply(client)


def begin_upload(server: Server, talk, size: int = 2_000_000) -> socket.socket:
    """Send the first half of an upload."""
    body, kind = Form("card.png", png_of_size(size)).encoded()
    client = connect(server)
    client.sendall(head_of_upload(talk, body, kind) + body[: len(body) // 2])
    return client


def wait_until_empty(var) -> None:
    """What a broken upload leaves is removed by its thread, a moment after the client has gone."""
    deadline = time.monotonic() + PATIENCE_S
    while found := [path for folder in ("media", "incoming") for path in (var / folder).rglob("*") if path.is_file()]:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_an_upload_that_breaks_off_is_an_error_and_leaves_nothing(own, var, live, talk):
    before = StoredFile.objects.count()

    client = begin_upload(own, talk)
    client.shutdown(socket.SHUT_WR)
    assert is_closed(client)
    begin_upload(own, talk).close()

    wait_until_empty(var)
    assert StoredFile.objects.count() == before
    assert not Attachment.objects.filter(chat=talk.chat).exists()


def test_a_small_form_that_is_cut_before_its_end_is_refused(own, var, live, talk):
    body, kind = Form("card.png", picture()).encoded()
    with connect(own) as client:
        client.sendall(head_of_upload(talk, body[:-10], kind) + body[:-10])
        assert read_reply(client).status == 400
    wait_until_empty(var)


def test_an_upload_is_refused_at_its_headers_where_it_may_not_come(own, var, live, talk, make_user):
    """Too large, another's chat, nobody at all: the answer is there before the first byte of the body."""
    url = f"/api/chats/{talk.id}/attachments/"
    form = ("Content-Type: multipart/form-data; boundary=x", "Content-Length: 2000000")
    with connect(own) as client:
        client.sendall(request_bytes("POST", url, "Content-Length: 13000000"))
        assert read_reply(client).status == 413
    with connect(own) as client:
        client.sendall(request_bytes("POST", url, *form))
        assert read_reply(client).status == 401
    with connect(own) as client:
        bearer = f"Authorization: Bearer {talk.customer_token}"
        client.sendall(request_bytes("POST", url.replace(str(talk.id), str(talk.id)[::-1]), bearer, *form))
        assert read_reply(client).status == 404
    wait_until_empty(var)


def test_a_file_in_chunks_is_taken_and_one_that_grows_too_large_is_refused_on_the_way(own, live, talk):
    for size, status in ((2_000_000, 201), (SIZE_MAX + 1, 413), (13_000_000, 413)):
        body, kind = Form("card.png", png_of_size(size)).encoded()
        with connect(own) as client:
            client.sendall(head_of_upload(talk, body, kind, length=False))
            try:
                client.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
            except ConnectionError:
                assert status == 413
            assert read_reply(client).status == status


def test_uploads_that_crawl_or_are_abandoned_hold_nobody_up(own, var, live, talk):
    """Twice as many as may run at a time: other requests and sockets go on, and then so do uploads."""
    crawling = [begin_upload(own, talk) for _ in range(2 * UPLOADS)]

    assert call(own.base_url, "GET", f"/api/chats/{talk.id}/", token=talk.customer_token)[0] == 200
    for client in crawling:
        client.close()

    assert send_upload(own, talk, picture()).status == 201


def test_downloads_that_are_abandoned_or_not_read_hold_nobody_up(own, live, talk):
    """Twice as many as there are worker threads, of each."""
    content = png_of_size(9_000_000)
    made = send_upload(own, talk, content).json()
    address = f"/api/chats/{talk.id}/attachments/{made['id']}/"
    request = request_bytes("GET", address, f"Authorization: Bearer {talk.customer_token}")
    count = 2 * settings.WEB_THREADS
    clients = [connect(own, receive_buffer=4096) for _ in range(2 * count)]
    for client in clients:
        client.sendall(request)
        assert client.recv(12) == b"HTTP/1.1 200"
    for client in clients[:count]:
        client.close()

    with connect(own) as client:
        client.sendall(request)
        assert read_reply(client).body == content
    assert call(own.base_url, "GET", f"/api/chats/{talk.id}/", token=talk.customer_token)[0] == 200
    for client in clients[count:]:
        client.close()


def test_files_are_said_on_the_socket_once_and_refusals_name_the_message(own, live, talk):
    mine = send_upload(own, talk, picture()).json()["id"]

    async def play():
        async with wire(own, talk.id, talk.customer_token) as ana, wire(own, talk.id, talk.agent_token) as ben:
            await ana.array()
            await ben.array()
            await ana.send({"message": "", "client_id": "c", "attachments": [mine]})
            said = await ana.get("message")
            again = await ana.ask({"client_id": "c", "attachments": [mine]})
            sent = await ana.ask({"message": "2", "client_id": "d", "attachments": [mine]})
            unknown = await ana.ask({"message": "3", "client_id": "e", "attachments": [str(talk.id)]})
            wrong = await ana.ask({"message": "4", "client_id": "f", "attachments": "x"})
            await ana.say("5")
            return said, again, sent, unknown, wrong, await ben.messages(2)

    said, again, sent, unknown, wrong, heard = asyncio.run(play())
    assert [each["id"] for each in said["attachments"]] == [mine]
    assert (again["type"], again["seq"], again["duplicate"]) == ("ack", said["seq"], True)
    assert [(error["code"], error["client_id"]) for error in (sent, unknown, wrong)] == [
        ("attachment.sent", "d"),
        ("attachment.unknown", "e"),
        ("invalid_message", "f"),
    ]
    assert heard[0] == said
    assert texts_in(talk.topic) == ["", "5"]


def test_of_two_messages_at_once_one_gets_the_file(own, live, talk):
    mine = send_upload(own, talk, picture()).json()["id"]
    url = f"/api/chats/{talk.id}/messages/"

    def say(number):
        return call(own.base_url, "POST", url, {"message": f"{number}", "attachments": [mine]}, talk.customer_token)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(say, range(4)))

    assert sorted(status for status, _ in answers) == [201, 409, 409, 409]
    (sent,) = [body for status, body in answers if status == 201]
    assert Attachment.objects.get(pk=mine).seq == sent["seq"]
    assert len(texts_in(talk.topic)) == 1
