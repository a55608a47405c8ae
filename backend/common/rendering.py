"""JSON in and out by orjson: faster than the standard library, strict about NaN, decimals stay exact strings."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

import orjson
from django.utils.encoding import force_str
from django.utils.functional import Promise
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer

# JSON that is already text goes into an answer as it is.
RawJson = orjson.Fragment

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def _plain(value: object) -> object:
    """What orjson does not know: money as a string with its places kept, lazy texts, tuples' cousins."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Promise):
        return force_str(value)
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, tuple):  # A subclass, such as a named one. Those of dict, list and str need no help.
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dumps(value: object) -> bytes:
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except TypeError:
        # Keys that are numbers: DRF numbers the faulty items of a list. Allowing them always costs half as much again.
        return orjson.dumps(value, default=_plain, option=_OPTIONS | orjson.OPT_NON_STR_KEYS)


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "text"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else dumps(data)


class JSONParser(BaseParser):
    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the decoded body; an empty body is an empty object, as the S0 and S1 clients send it (E-S0-13)."""
        body = stream.read()
        if not body.strip():
            return {}
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as fault:
            raise ParseError("The body is not valid JSON.") from fault


class TextField(serializers.CharField):
    """Text and nothing else: a number or a list is refused instead of being turned into text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)
