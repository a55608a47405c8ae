"""HTTP against real server processes: limits, refusals, broken clients, the worker pools, and the end."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from http.client import IncompleteRead
from pathlib import Path

import pytest

from backend.tests.serving_process import (
    CEILING_S,
    ServingProcess,
    is_closed,
    read_reply,
    request_bytes,
    send_until_stuck,
    serving,
)
from djangocrud.serving.limits import Limits

pytestmark = pytest.mark.server

THREADS = 2  # of the application's default pool
BODY_MAX = 300 * 1024
UPLOAD_MAX = 12 * 1024 * 1024
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def server() -> Iterator[ServingProcess]:
    with serving() as process:
        yield process


@pytest.fixture(scope="module")
def impatient() -> Iterator[ServingProcess]:
    """A server whose limits of time are short."""
    limits = {"arrive_stall_s": 1.0, "arrive_total_s": 3.0, "arrive_rate_min": 1 << 30, "unread_s": 1.0, "idle_s": 1.0}
    with serving(limits=limits, body_stall_s=1.0) as process:
        yield process


# Answers


def test_a_connection_carries_many_requests_and_each_answer_says_its_length(server: ServingProcess) -> None:
    with server.connect() as client:
        for _ in range(3):
            client.sendall(request_bytes("GET", "/noop/"))
            reply = read_reply(client)
            assert (reply.status, reply.json()["ok"]) == (200, True)
            assert int(reply.headers["Content-Length"]) == len(reply.body)
            assert reply.headers["Date"]


def test_requests_sent_ahead_are_answered_in_order(server: ServingProcess) -> None:
    with server.connect() as client:
        client.sendall(b"".join(request_bytes("GET", f"/meta/?n={number}") for number in range(20)))
        response = client.makefile("rb")
        numbers = []
        for _ in range(20):
            length = 0
            while (line := response.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            numbers.append(response.read(length).split(b'"QUERY_STRING": "')[1].split(b'"')[0])
        assert numbers == [b"n=%d" % number for number in range(20)]


def test_head_has_the_headers_and_no_body(server: ServingProcess) -> None:
    for path in ("/noop/", "/file/", "/livez", "/stream/?pieces=5&size=10"):
        with server.connect() as client:
            client.sendall(request_bytes("HEAD", path))
            assert read_reply(client, "HEAD").body == b""
            client.sendall(request_bytes("GET", "/noop/"))
            assert read_reply(client).json()["ok"], path


def test_an_old_client_gets_a_stream_that_ends_with_the_connection(server: ServingProcess) -> None:
    with server.connect() as client:
        client.sendall(b"GET /stream/?pieces=4&size=50000 HTTP/1.0\r\n\r\n")
        reply = read_reply(client)
        assert len(reply.body) == 200_000
        assert "Transfer-Encoding" not in reply.headers
        assert is_closed(client)


def test_streams_and_files_arrive_whole(server: ServingProcess) -> None:
    assert len(server.ask("GET", "/stream/?pieces=2000&size=7").body) == 14_000
    assert len(server.ask("GET", "/stream/?pieces=100&size=100000").body) == 10_000_000
    assert server.ask("GET", "/file/").body == Path(__file__).with_name("serving_app.py").read_bytes()


def test_an_event_stream_is_sent_as_it_is_made(server: ServingProcess) -> None:
    reply = server.ask("GET", "/stream/?pieces=3&size=4&type=text/event-stream")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert len(reply.body) == 12


def test_a_client_cannot_pass_for_another_by_odd_headers(server: ServingProcess) -> None:
    headers = ("X_Forwarded_For: 6.6.6.6", "Daphne-Root-Path: /evil", "X-Forwarded-For: 6.6.6.6")
    meta = server.ask("GET", "/meta/", *headers).json()
    assert meta["REMOTE_ADDR"] == "127.0.0.1"
    assert meta["SCRIPT_NAME"] == ""
    assert meta["HTTP_X_FORWARDED_FOR"] == "6.6.6.6"  # only the one with hyphens; Django decides what it is worth


@pytest.mark.parametrize(
    "raw",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /noop/ HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"GET /noop/ HTTP/1.1\r\nHost: x\r\nX: a\x0bb\r\n\r\n",
        b"GET /no\xffop/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /digest/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        b"POST /digest/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnothex\r\nabc\r\n0\r\n\r\n",
        b"GET /noop/ HTTP/1.1\r\nHost: x\r\n" + (b"X: " + b"a" * 9_000 + b"\r\n") * 2 + b"\r\n",
        b"GET /noop/ HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 600 + b"\r\n",
    ],
)
def test_what_cannot_be_read_is_refused_and_the_connection_closed(server: ServingProcess, raw: bytes) -> None:
    with server.connect() as client:
        client.sendall(raw)
        reply = read_reply(client)
        assert (reply.status, reply.json()["code"]) == (400, "bad_request")
        assert is_closed(client)


def test_a_line_without_end_is_refused(server: ServingProcess) -> None:
    with server.connect() as client:
        client.sendall(b"GET /noop/ HTTP/1.1\r\nX: " + b"a" * 20_000)
        assert read_reply(client).status == 431
        assert is_closed(client)


# Bodies


def test_a_body_over_the_limit_is_refused_at_its_headers(server: ServingProcess) -> None:
    with server.open("POST", "/digest/", f"Content-Length: {BODY_MAX + 1}") as client:  # and not one byte of it
        reply = read_reply(client)
        assert (reply.status, reply.json()["code"], reply.headers["Connection"]) == (413, "body_too_large", "close")
        assert is_closed(client)


def test_a_client_that_sends_its_too_big_body_at_once_can_read_the_refusal(server: ServingProcess) -> None:
    with server.open("POST", "/digest/", "Content-Length: 5000000") as client:
        client.sendall(b"x" * 1_000_000)
        assert read_reply(client).status == 413


def test_each_path_has_its_own_limit(server: ServingProcess) -> None:
    body = os.urandom(UPLOAD_MAX)
    reply = server.ask("POST", "/upload/digest/", body=body)
    assert reply.json() == {"size": UPLOAD_MAX, "sha256": sha256(body).hexdigest()}
    with server.open("POST", "/upload/digest/", f"Content-Length: {UPLOAD_MAX + 1}") as client:
        assert read_reply(client).status == 413


def test_a_limit_may_be_set_for_paths_with_an_id_in_them() -> None:
    limits = Limits(body_limits={"": 1, "/a/*/files/": 2, "/a/*/files/big/": 3})
    paths = ["/b/", "/a/7/files/", "/a/7/files/x", "/a/7/files/big/", "/a/7/8/files/", "/a//files/", "/b/a/7/files/"]
    assert [limits.body_limit(path) for path in paths] == [1, 2, 2, 3, 1, 1, 1]


def test_a_chunked_body_is_counted_while_it_arrives(server: ServingProcess) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with server.open("POST", "/digest/", CHUNKED, body=chunk * 4) as client:
        client.sendall(chunk)  # over 300 KB now, and it never ends
        assert read_reply(client).status == 413
        assert is_closed(client)


def test_a_big_upload_may_come_in_chunks_without_saying_how_long_it_is(server: ServingProcess) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    for count in (4, 5, 100):  # up to 300 KB it is complete first; more is handed over while it arrives
        with server.open("POST", "/upload/digest/", CHUNKED, body=chunk * count + b"0\r\n\r\n") as client:
            assert read_reply(client).json()["size"] == count * 0x10000


def test_a_chunked_upload_that_passes_the_limit_is_refused_and_its_view_fails(server: ServingProcess) -> None:
    digested = server.state().get("digested", 0)
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    with server.open("POST", "/upload/digest/", CHUNKED) as client:
        for _ in range(UPLOAD_MAX // 0x100000):
            client.sendall(chunk)
        client.sendall(b"1\r\nx\r\n")  # one byte too many, and it never ends
        reply = read_reply(client)
        assert (reply.status, reply.json()["code"]) == (413, "body_too_large")
        assert is_closed(client)
    state = server.wait_for(lambda state: state["pools"]["uploads"]["running"] == 0)
    assert state.get("digested", 0) == digested


def test_a_chunked_form_is_read_like_any_other(server: ServingProcess) -> None:
    form = ("Content-Type: application/x-www-form-urlencoded", CHUNKED)
    with server.open("POST", "/digest/?form=1", *form, body=b"5\r\nname=\r\n3\r\nAda\r\n0\r\n\r\n") as client:
        assert read_reply(client).json()["name"] == "Ada"


def test_a_big_multipart_upload_is_parsed_while_it_arrives(server: ServingProcess) -> None:
    head = b'--xx\r\nContent-Disposition: form-data; name="document"; filename="a.bin"\r\n\r\n'
    body = head + b"d" * 5_000_000 + b'\r\n--xx\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n--xx--\r\n'
    reply = server.ask("POST", "/upload/digest/?form=1", "Content-Type: multipart/form-data; boundary=xx", body=body)
    assert reply.json() == {"name": "Ada", "files": {"document": 5_000_000}}


def test_continue_is_said_only_to_a_body_that_may_come(server: ServingProcess) -> None:
    expect = "Expect: 100-continue"
    with server.open("POST", "/digest/", expect, "Content-Length: 5") as client:
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"12345")
        assert read_reply(client).json()["size"] == 5
    with server.open("POST", "/digest/", expect, "Content-Length: 5000000") as client:
        assert read_reply(client).status == 413


def test_a_truncated_body_never_reaches_a_view_as_a_short_one(server: ServingProcess) -> None:
    before = server.state()
    for path, headers, body in (
        ("/digest/", ("Content-Length: 1000",), b"x" * 999),
        ("/digest/", (CHUNKED,), b"5\r\nabcde\r\n"),
        ("/upload/digest/", ("Content-Length: 1000000",), b"x" * 999_999),
    ):
        with server.open("POST", path, *headers, body=body) as client:
            client.shutdown(socket.SHUT_WR)
            assert is_closed(client)
    after = server.wait_for(lambda state: state["pools"]["uploads"]["running"] == 0)
    assert after.get("digested") == before.get("digested")  # the upload's view began, and failed
    assert after.get("digest", 0) <= before.get("digest", 0) + 1


def test_a_view_that_does_not_want_the_body_answers_before_it_is_there(server: ServingProcess) -> None:
    with server.open("POST", "/upload/digest/?ignore=1", "Content-Length: 1000000", body=b"x" * 100_000) as client:
        assert read_reply(client).status == 403
        assert is_closed(client)


def test_a_slow_view_makes_the_uploading_client_wait() -> None:
    """While the view does not read, neither does the server: the client's sending stops. Then all of it arrives."""
    body = os.urandom(UPLOAD_MAX)
    with serving() as server, server.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        client.sendall(request_bytes("POST", "/upload/digest/?gated=1", f"Content-Length: {len(body)}"))
        sent = send_until_stuck(client, body)
        assert sent < len(body)
        server.ask("GET", "/open")
        client.sendall(body[sent:])
        assert read_reply(client).json()["sha256"] == sha256(body).hexdigest()


def test_half_sent_bodies_hold_no_thread_that_others_need(server: ServingProcess) -> None:
    small = [server.open("POST", "/digest/", "Content-Length: 1000", body=b"x" * 500) for _ in range(2 * THREADS)]
    big = [server.open("POST", "/upload/digest/", "Content-Length: 900000", body=b"x" * 500) for _ in range(THREADS)]
    assert server.ask("GET", "/noop/").status == 200
    for client in small:
        client.sendall(b"x" * 500)
        assert read_reply(client).json()["size"] == 1000
    for client in [*small, *big]:
        client.close()
    assert server.ask("POST", "/upload/digest/", body=b"y" * 400_000).json()["size"] == 400_000


def test_an_upload_s_view_refuses_it_before_the_first_byte_came(server: ServingProcess) -> None:
    with server.open("POST", "/upload/digest/?ignore=1", "Content-Length: 1000000") as client:
        assert read_reply(client).status == 403
        assert is_closed(client)


def test_bodies_of_all_requests_together_are_bounded() -> None:
    with serving(limits={"bodies_in_memory_max": 100_000}) as server:
        with server.open("POST", "/digest/", "Content-Length: 60001", body=b"x" * 60_000) as first:
            assert server.ask("POST", "/digest/", body=b"y" * 50_000).status == 503
            first.sendall(b"x")
            assert read_reply(first).json()["size"] == 60_001
        assert server.ask("POST", "/digest/", body=b"y" * 50_000).status == 200


# Limits of time


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /no",
        b"GET /noop/ HTTP/1.1\r\nHost: x\r\n",
        request_bytes("POST", "/digest/", "Content-Length: 10") + b"x",
        request_bytes("POST", "/digest/", CHUNKED) + b"5\r\nab",
        request_bytes("POST", "/upload/digest/", "Content-Length: 900000") + b"x" * 200_000,
    ],
)
def test_a_request_that_stops_arriving_is_cut(impatient: ServingProcess, raw: bytes) -> None:
    with impatient.connect() as client:
        client.sendall(raw)
        reply = read_reply(client)
        assert reply.status in (400, 408)
        assert is_closed(client)
    impatient.wait_for(lambda state: state["pools"]["uploads"]["running"] == 0)


def test_a_request_that_trickles_in_is_cut(impatient: ServingProcess) -> None:
    with impatient.connect() as client:
        client.settimeout(0.2)
        client.sendall(b"GET /noop/ HTTP/1.1\r\n")
        deadline = time.monotonic() + CEILING_S
        answer = b""
        while not answer and time.monotonic() < deadline:
            client.sendall(b"X: 1\r\n")
            try:
                answer = client.recv(100)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408")


def test_an_idle_connection_is_closed(impatient: ServingProcess) -> None:
    with impatient.connect() as client:
        client.sendall(request_bytes("GET", "/noop/"))
        assert read_reply(client).status == 200
        assert is_closed(client)


@pytest.mark.parametrize("path", ["/stream/?pieces=100000&size=65536", "/stream/?pieces=1&size=30000000"])
def test_a_download_that_nobody_reads_is_ended(impatient: ServingProcess, path: str) -> None:
    before = impatient.state().get("stream_closed", 0)
    with impatient.open("GET", path, receive_buffer=4096):
        state = impatient.wait_for(lambda state: state.get("stream_closed", 0) > before)
        assert state["pieces"] < 2000  # it was not all made and kept in memory
        impatient.wait_for(lambda state: state["pools"]["default"]["running"] == 0)


# The pools


def test_downloads_that_are_aborted_hold_no_thread(server: ServingProcess) -> None:
    before = server.state().get("stream_closed", 0)
    for _ in range(2 * THREADS):
        client = server.open("GET", "/stream/?pieces=100000&size=65536", receive_buffer=4096)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        client.close()
    assert server.ask("GET", "/noop/").status == 200
    server.wait_for(lambda state: state["stream_closed"] == before + 2 * THREADS)


def test_downloads_that_nobody_reads_hold_no_thread(server: ServingProcess) -> None:
    clients = [server.open("GET", "/stream/?pieces=100000&size=65536", receive_buffer=4096) for _ in range(2 * THREADS)]
    for client in clients:
        assert client.recv(10) == b"HTTP/1.1 2"
    assert server.ask("GET", "/noop/").status == 200
    for client in clients:
        client.close()


def test_uploads_that_are_abandoned_hold_nobody_up(server: ServingProcess) -> None:
    """Twice as many as there are threads for them: those that left, and those that neither send nor leave."""
    digested = server.state().get("digested", 0)
    for _ in range(2 * THREADS):
        server.open("POST", "/upload/digest/", "Content-Length: 900000", body=b"x" * 500_000).close()
    silent = [
        server.open("POST", "/upload/digest/", "Content-Length: 900000", body=b"x" * 500_000) for _ in range(THREADS)
    ]
    assert server.ask("GET", "/noop/").status == 200
    for client in silent:
        client.close()
    assert server.ask("POST", "/upload/digest/", body=b"y" * 400_000).json()["size"] == 400_000
    state = server.wait_for(lambda state: state["pools"]["uploads"]["running"] == 0)
    assert state["digested"] == digested + 1


def test_what_waits_for_a_thread_is_bounded_and_the_rest_is_refused() -> None:
    """E-SYS-4: so is the number of uploads at once; that they are streamed, see above."""
    with serving(waiting_max=3) as server:
        clients = [server.open("GET", "/wait/") for _ in range(THREADS + 3)]
        full = {"running": THREADS, "waiting": 3, "refused": 0}
        server.wait_for(lambda state: state["pools"]["default"] == full and state["waiting"] == THREADS)
        reply = server.ask("GET", "/noop/")
        assert reply.status == 503
        assert reply.json() == {"detail": "The service is busy. Try again shortly.", "code": "busy"}
        assert reply.headers["Retry-After"] == "1"
        assert server.ask("GET", "/sleep/?s=0").body == b"slept"  # another pool is not touched
        server.ask("GET", "/open")
        assert [read_reply(client).body for client in clients] == [b"opened"] * len(clients)
        assert server.ask("GET", "/noop/").status == 200
        for client in clients:
            client.close()


def test_waiting_too_long_is_503_and_the_view_never_runs(server: ServingProcess) -> None:
    """The quick pool has one thread, and waits 0.4 s."""
    before = server.state().get("sleeping", 0)
    with server.open("GET", "/sleep/?s=0.9") as first:
        server.wait_for(lambda state: state.get("sleeping", 0) == before + 1)
        reply = server.ask("GET", "/sleep/?s=0")
        assert (reply.status, reply.json()["code"]) == (503, "busy")
        assert read_reply(first).body == b"slept"
    assert server.state()["sleeping"] == before + 1


def test_running_too_long_is_503_while_the_thread_goes_on_counting(server: ServingProcess) -> None:
    """The quick pool lets a request take 1 s."""
    reply = server.ask("GET", "/sleep/?s=3")
    assert (reply.status, reply.json()["code"]) == (503, "timeout")
    assert server.state()["pools"]["quick"]["running"] == 1
    server.wait_for(lambda state: state["pools"]["quick"]["running"] == 0)


def test_clients_that_leave_give_their_places_up_and_running_answers_are_closed() -> None:
    with serving(waiting_max=10) as server:
        running = [server.open("GET", "/wait/") for _ in range(THREADS)]
        server.wait_for(lambda state: state.get("waiting") == THREADS)
        waiting = [server.open("GET", "/wait/") for _ in range(5)]
        server.wait_for(lambda state: state["pools"]["default"]["waiting"] == 5)
        for client in waiting:
            client.close()
        server.wait_for(lambda state: state["pools"]["default"]["waiting"] == 0)
        for client in running:
            client.close()
        server.ask("GET", "/open")
        state = server.wait_for(lambda state: state.get("closed") == THREADS)
        assert state["waiting"] == state["waited"] == THREADS  # those that had waited never ran
        assert server.ask("GET", "/noop/").status == 200


# Failures


@pytest.mark.parametrize(
    ("path", "header", "body"),
    [
        ("/crash/", "X: 1", b"handled"),
        ("/noop/", "X-Break: 1", b"handled"),
        ("/noop/", "X-Break: twice", b"Internal server error."),
        ("/crash/?exit=1", "X: 1", b"Internal server error."),
        ("/stream/?pieces=3&size=10&fail=0", "X: 1", b"Internal server error."),
    ],
)
def test_failures_are_500_and_the_server_goes_on(server: ServingProcess, path: str, header: str, body: bytes) -> None:
    reply = server.ask("GET", path, header)
    assert reply.status == 500
    assert body in reply.body
    assert server.ask("GET", "/noop/").status == 200


def test_an_answer_that_breaks_off_never_looks_complete(server: ServingProcess) -> None:
    for path in ("/stream/?pieces=100&size=65536&fail=50", "/lie/?length=100"):
        with server.open("GET", path) as client, pytest.raises((IncompleteRead, ConnectionError)):
            read_reply(client)
    with server.open("GET", "/lie/?length=2") as client:  # what is too much never leaves
        assert read_reply(client).status == 500


# The end


def refuses_connections(server: ServingProcess) -> bool:
    deadline = time.monotonic() + CEILING_S
    while time.monotonic() < deadline:
        try:
            server.connect().close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.02)
    return False


def test_a_drain_answers_what_runs_refuses_what_comes_and_closes_what_idles() -> None:
    with serving() as server:
        with server.connect() as idle, server.connect() as late, server.open("GET", "/wait/") as running:
            idle.sendall(request_bytes("GET", "/noop/"))
            assert read_reply(idle).status == 200
            late.sendall(b"GET /noop/ HTTP/1.1\r\n")
            server.wait_for(lambda state: state.get("waiting") == 1)
            with server.open("POST", "/open", "Content-Length: 1", "Expect: 100-continue") as key:
                assert key.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # let in, and not yet complete
                server.signal(signal.SIGTERM)
                assert is_closed(idle)
                assert refuses_connections(server)
                late.sendall(b"\r\n")
                assert read_reply(late).json()["code"] == "draining"
                key.sendall(b"x")
                assert read_reply(key).status == 200
            reply = read_reply(running)
            assert (reply.body, reply.headers["Connection"]) == (b"opened", "close")
        code, output = server.wait_exit()
        assert code == 0
        assert [line for line in output.splitlines() if line.startswith("hook")] == [
            "hook start",
            "hook drain",
            "hook stop",
        ]


def test_idle_connections_do_not_hold_the_end_up() -> None:
    with serving(drain_s=60.0) as server:
        clients = [server.connect() for _ in range(5)]
        clients[0].sendall(request_bytes("GET", "/noop/"))
        assert read_reply(clients[0]).status == 200
        server.signal(signal.SIGTERM)
        assert server.wait_exit(within_s=CEILING_S)[0] == 0
        for client in clients:
            client.close()


def test_a_view_that_never_ends_does_not_hold_the_process() -> None:
    with serving(drain_s=0.5) as server, server.open("GET", "/wait/") as client:
        server.wait_for(lambda state: state.get("waiting") == 1)
        server.signal(signal.SIGTERM)
        code, output = server.wait_exit()
        assert code == 0, output
        assert is_closed(client)


def test_a_second_signal_ends_at_once() -> None:
    with serving(drain_s=3600.0) as server, server.open("GET", "/wait/"):
        server.wait_for(lambda state: state.get("waiting") == 1)
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGINT)  # the same Ctrl-C, come twice
        time.sleep(1.0)
        assert server.process.poll() is None
        server.signal(signal.SIGTERM)
        assert server.wait_exit()[0] == 128 + signal.SIGTERM


def test_a_start_hook_that_fails_stops_the_start() -> None:
    with serving(failing_hook="start") as server:
        code, output = server.wait_exit()
        assert code == 1
        assert "start failed" in output


def test_failing_drain_and_stop_hooks_are_logged_and_nothing_more() -> None:
    for hook in ("drain", "stop"):
        with serving(failing_hook=hook) as server:
            server.state()
            server.signal(signal.SIGTERM)
            code, output = server.wait_exit()
            assert (code, f"{hook} failed" in output, "hook stop" in output) == (0, True, True)


def test_both_families_are_served_and_ipv4_clients_keep_their_address() -> None:
    with serving(host="::") as server:
        for host, address in (("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            with server.open("GET", "/meta/", host=host) as client:
                assert read_reply(client).json()["REMOTE_ADDR"] == address


def test_many_clients_at_once_are_all_answered(server: ServingProcess) -> None:
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda number: server.ask("POST", "/digest/", body=b"x" * number), range(1, 200)))
    assert [reply.json()["size"] for reply in replies] == list(range(1, 200))
