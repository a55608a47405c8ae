"""Events as they travel: what clients get, and the bytes of a frame."""

import orjson
import pytest

from backend.realtime.events import StoredEvent, joined, render, text_frame
from backend.realtime.transport import _payload_of

EVENT = StoredEvent("desk.support", 7, "chat.queued", None, b'{"chat_id":"c"}', "2026-01-02T03:04:05.000006Z")


def test_a_notice_keeps_its_payload_apart():
    assert orjson.loads(render(EVENT)) == {
        "topic": "desk.support",
        "seq": 7,
        "kind": "chat.queued",
        "timestamp": "2026-01-02T03:04:05.000006Z",
        "payload": {"chat_id": "c"},
    }


@pytest.mark.parametrize(("payload", "expected"), [(b"{}", {"a": 1}), (b'{"b":[2]}', {"a": 1, "b": [2]})])
def test_fields_join_into_one_object(payload, expected):
    assert orjson.loads(joined({"a": 1}, payload)) == expected


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_has_the_shortest_length_that_rfc_6455_allows(size, head):
    payload = b"x" * size

    frame = text_frame(payload)

    assert frame == head + payload
    assert _payload_of(frame) == payload
