"""What clients send: frames, cursors and query parameters, taken apart and checked."""

from typing import Any
from urllib.parse import parse_qsl

import orjson

from backend.realtime.selectors import NO_LIMIT


class BadFrame(Exception):
    """A frame that is not understood: answered with an `error`, and the socket lives."""

    def __init__(self, code: str, detail: str, client_id: str | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.client_id = code, detail, client_id


def cursor_from(value: object) -> int:
    """Return a cursor a client sent. Raises: BadFrame when it is no count, or larger than any topic can be."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if type(value) is not int or not 0 <= value < NO_LIMIT:
        raise BadFrame("invalid_after", "`after` is the `seq` of the last event you have: a whole number from 0 on.")
    return value


def query_of(scope: dict[str, Any]) -> dict[str, str]:
    """Return the first value of each query parameter."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(scope.get("query_string", b"").decode("latin1"), keep_blank_values=True):
        found.setdefault(name, value)
    return found


def object_of(message: dict[str, Any]) -> dict[str, Any]:
    text = message.get("text")
    if text is None:
        raise BadFrame("binary", "Frames are JSON text; binary frames are not understood.")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        raise BadFrame("not_json", "The frame is not valid JSON.") from fault
    if not isinstance(value, dict):
        raise BadFrame("not_an_object", "A frame is a JSON object.")
    return value
