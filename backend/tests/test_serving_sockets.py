"""WebSockets against real server processes: limits, backpressure in both directions, order, closing, the end."""

import json
import os
import random
import signal
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from backend.tests.serving_process import (
    CEILING_S,
    ServingProcess,
    read_reply,
    request_bytes,
    send_until_stuck,
    serving,
)

pytestmark = pytest.mark.server

FRAME_MAX = 64 * 1024
HANDSHAKE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
TEXT, CONTINUATION, PING, CLOSE = 0x81, 0x80, 0x89, 0x88


@pytest.fixture(scope="module")
def server() -> Iterator[ServingProcess]:
    with serving() as process:
        yield process


def dial(server: ServingProcess, path: str, **options: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}{path}", open_timeout=CEILING_S, compression=None, **options)


def shake_hands(server: ServingProcess, path: str, **options: Any) -> socket.socket:
    """A raw client, so that a test can send frames that no library would send."""
    client = server.open("GET", path, *HANDSHAKE, **options)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    return client


def masked(payload: bytes, first: int = TEXT) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((first, 0x80 | 126)) + struct.pack("!H", size)
    else:
        head = bytes((first, 0x80 | 127)) + struct.pack("!Q", size)
    mask = os.urandom(4)
    key = (mask * (size // 4 + 1))[:size]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


def read_exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


def read_frame(client: socket.socket) -> tuple[int, bytes]:
    first, size = read_exactly(client, 2)
    if size == 126:
        (size,) = struct.unpack("!H", read_exactly(client, 2))
    elif size == 127:
        (size,) = struct.unpack("!Q", read_exactly(client, 8))
    return first, read_exactly(client, size)


def close_code(client: ClientConnection) -> int | None:
    """Read to the end; return the code of the server's close frame, or None if there was none."""
    try:
        while True:
            client.recv(timeout=CEILING_S)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


# Frames


@pytest.mark.parametrize("size", [0, 1, 2, 125, 126, 127, 4_000, 65_535, FRAME_MAX])
def test_messages_of_every_size_come_back(server: ServingProcess, size: int) -> None:
    text, data = "ä" * (size // 2), os.urandom(size)
    with dial(server, "/ws/echo") as client:
        client.send(text)
        assert client.recv(timeout=CEILING_S) == text
        client.send(data)
        assert client.recv(timeout=CEILING_S) == data


def test_frames_in_any_pieces_and_any_number_at_once_keep_their_order(server: ServingProcess) -> None:
    with shake_hands(server, "/ws/echo") as client:
        for byte in masked(b"byte by byte"):
            client.sendall(bytes((byte,)))
        assert read_frame(client) == (TEXT, b"byte by byte")
        payloads = [b"x" * (number % 140) for number in range(500)] + [b"y" * size for size in range(0, 65_536, 1_023)]
        data = b"".join(masked(payload) for payload in payloads)
        while data:
            size = random.randint(1, 5_000)
            client.sendall(data[:size])
            data = data[size:]
        assert [read_frame(client) for _ in payloads] == [(TEXT, payload) for payload in payloads]


def test_fragments_control_frames_and_short_messages_mix(server: ServingProcess) -> None:
    with shake_hands(server, "/ws/echo") as client:
        client.sendall(
            masked(b"one")
            + masked(b"two, ", 0x01)
            + masked(b"are you there?", PING)
            + masked(b"in two parts", CONTINUATION)
            + masked(b"three")
        )
        received = [read_frame(client) for _ in range(4)]
        assert (0x8A, b"are you there?") in received
        assert [frame for frame in received if frame[0] == TEXT] == [
            (TEXT, b"one"),
            (TEXT, b"two, in two parts"),
            (TEXT, b"three"),
        ]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (masked(b"x" * (FRAME_MAX + 1)), 1009),
        (masked(b"")[:1] + b"\xff" + struct.pack("!Q", 1 << 40) + b"mask", 1009),
        (masked(b"x" * FRAME_MAX, 0x01) + masked(b"x", CONTINUATION), 1009),
        (masked(b"\xff\xfe"), 1007),
        (masked(b"\xc3", 0x01) + masked(b"x", CONTINUATION), 1007),
        (bytes((TEXT, 1)) + b"x", 1002),
        (masked(b"x", 0x83), 1002),
        (masked(b"x", 0xC1), 1002),
        (masked(b"x", CONTINUATION), 1002),
        (bytes((TEXT, 0x80 | 126, 0, 5)) + b"mask" + b"12345", 1002),
    ],
    ids=["frame", "claimed", "message", "utf8", "utf8-parts", "unmasked", "opcode", "compressed", "stray", "long-form"],
)
def test_bad_frames_close_with_a_code(server: ServingProcess, raw: bytes, code: int) -> None:
    with shake_hands(server, "/ws/echo") as client:
        client.sendall(masked(b"a good one"))
        assert read_frame(client) == (TEXT, b"a good one")
        client.sendall(raw)
        first, payload = read_frame(client)
        assert (first, struct.unpack("!H", payload[:2])[0]) == (CLOSE, code)


def test_compression_is_not_agreed_to(server: ServingProcess) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/ws/echo", compression="deflate") as client:
        assert client.protocol.extensions == []


def test_a_bad_handshake_is_refused_and_http_goes_on(server: ServingProcess) -> None:
    with server.open("GET", "/ws/echo", "Upgrade: websocket", "Connection: Upgrade") as client:
        assert read_reply(client).status == 400
    with server.open("GET", "/ws/echo", *HANDSHAKE, "X: a\x0cb") as client:
        assert read_reply(client).status == 400
    assert server.ask("GET", "/noop/").status == 200


def test_a_client_cannot_move_the_application(server: ServingProcess) -> None:
    headers = {"Daphne-Root-Path": "/evil", "X-Forwarded-For": "6.6.6.6"}
    with dial(server, "/ws/scope?a=b", additional_headers=headers) as client:
        scope = json.loads(client.recv(timeout=CEILING_S))
    assert (scope["root_path"], scope["client"], scope["query"]) == ("", "127.0.0.1", "a=b")


# Backpressure


def test_a_slow_consumer_gets_every_frame_in_order(server: ServingProcess) -> None:
    """5,000 frames and more than the kernel holds, while the consumer takes nothing; then all of them arrive."""
    frames = 5_000
    with serving() as slow, shake_hands(slow, "/ws/slow") as client:
        padding = "x" * 3_000
        data = b"".join(masked(f"{number}:{padding}".encode()) for number in range(frames)) + masked(b"end")
        sent = send_until_stuck(client, data)
        assert sent < len(data)
        assert slow.ask("GET", "/noop/").status == 200
        slow.ask("GET", "/open")
        client.sendall(data[sent:])
        assert read_frame(client) == (TEXT, b"%d in order" % frames)


def test_a_stuck_reader_shows_in_unsent_and_can_be_closed(server: ServingProcess) -> None:
    with serving(limits={"close_wait_s": 0.5}) as flooded, shake_hands(flooded, "/ws/flood", receive_buffer=4096):
        state = flooded.wait_for(lambda state: state.get("flood left 1006"))
        assert 1024 * 1024 <= state["unsent_max"] < 2 * 1024 * 1024


def test_direct_writes_and_asgi_sends_keep_their_order(server: ServingProcess) -> None:
    with dial(server, "/ws/order", max_size=None) as client:
        time.sleep(0.3)  # so that much of it has to wait in the server
        for number in range(400):
            assert client.recv(timeout=CEILING_S) == f"{number}:".ljust(20_000, "x")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=CEILING_S)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "that was all")
    assert server.state().get("order_open") == 0


# Closing


def test_the_application_hears_the_clients_code(server: ServingProcess) -> None:
    with dial(server, "/ws/echo") as client:
        client.close(4444)
    server.wait_for(lambda state: state.get("left 4444"))


def test_codes_that_are_not_for_applications_are_refused(server: ServingProcess) -> None:
    with dial(server, "/ws/code") as client:
        assert "1011" in str(client.recv(timeout=CEILING_S))
        assert close_code(client) == 4010


@pytest.mark.parametrize(("path", "code"), [("/ws/crash", 1011), ("/ws/return", 1000), ("/ws/nowhere", 1011)])
def test_an_application_that_ends_closes_its_socket(server: ServingProcess, path: str, code: int) -> None:
    with dial(server, path) as client:
        assert close_code(client) == code


def test_silent_clients_are_found_out_by_pings() -> None:
    limits = {"ping_interval_s": 0.5, "ping_timeout_s": 3.0}
    with (
        serving(limits=limits) as server,
        shake_hands(server, "/ws/echo") as silent,
        dial(server, "/ws/echo") as lively,
    ):
        assert read_frame(silent)[0] == PING
        server.wait_for(lambda state: state.get("left 1006"))
        lively.send("still here")
        assert lively.recv(timeout=CEILING_S) == "still here"


def test_a_client_that_must_wait_is_not_taken_for_dead() -> None:
    """While reading is held, its pongs wait behind its messages."""
    limits = {"ping_interval_s": 0.5, "ping_timeout_s": 2.0, "inbox_frames_max": 4, "inbox_frames_low": 2}
    with serving(limits=limits) as server, shake_hands(server, "/ws/slow") as client:
        client.sendall(b"".join(masked(b"%d:" % number) for number in range(100)) + masked(b"end"))
        time.sleep(5.0)  # two of Daphne's checks, and the time a pong may take
        server.ask("GET", "/open")
        frame = read_frame(client)
        while frame[0] == PING:
            client.sendall(masked(frame[1], 0x8A))
            frame = read_frame(client)
        assert frame == (TEXT, b"100 in order")


# The end


def test_a_drain_says_goodbye_to_every_socket() -> None:
    with serving() as server:
        clients = [dial(server, "/ws/echo") for _ in range(20)]
        server.signal(signal.SIGTERM)
        assert [close_code(client) for client in clients] == [4012] * 20
        code, output = server.wait_exit()
        assert (code, output.count("hook drain"), output.count("hook stop")) == (0, 1, 1)


def test_a_client_that_does_not_close_does_not_hold_the_end_up() -> None:
    with serving(drain_s=1.0) as server, shake_hands(server, "/ws/echo") as deaf:
        server.signal(signal.SIGTERM)
        assert read_frame(deaf) == (CLOSE, struct.pack("!H", 4012))
        assert server.wait_exit()[0] == 0


def test_a_stuck_event_loop_does_not_hold_the_process() -> None:
    with serving(drain_s=0.5) as server, dial(server, "/ws/stuck") as client:
        client.send("hold it")
        time.sleep(0.5)
        server.signal(signal.SIGTERM)
        code, output = server.wait_exit()
        assert code == 1
        assert "stuck_socket" in output  # the stacks tell where it hung


def test_a_socket_that_comes_during_the_drain_is_told_so() -> None:
    with serving() as server, server.open("GET", "/wait/"), server.connect() as late:
        late.sendall(b"GET /ws/echo HTTP/1.1\r\n")
        server.wait_for(lambda state: state.get("waiting") == 1)
        server.signal(signal.SIGTERM)
        late.sendall(request_bytes("", "", *HANDSHAKE).split(b"\r\n", 1)[1])
        assert read_reply(late).status == 503


def test_a_socket_of_a_path_that_refuses_gets_403(server: ServingProcess) -> None:
    with pytest.raises(InvalidStatus) as refused:
        dial(server, "/ws/refuse")
    assert refused.value.response.status_code == 403
