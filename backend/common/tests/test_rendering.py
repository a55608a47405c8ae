"""JSON as the product speaks it: money as exact text, times in UTC, nothing that is no JSON."""

import io
import uuid
from collections import namedtuple
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from backend.common.rendering import JSONParser, JSONRenderer, RawJson, TextField, dumps

NAIVE = datetime(2026, 11, 22, 8, 30)  # noqa: DTZ001
Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(Decimal("10.00"), b'"10.00"', id="money keeps its places"),
        pytest.param(Decimal("0.10"), b'"0.10"', id="money is never a float"),
        pytest.param(datetime(2026, 11, 22, 8, 30, tzinfo=UTC), b'"2026-11-22T08:30:00Z"', id="a time in UTC"),
        pytest.param(NAIVE, b'"2026-11-22T08:30:00Z"', id="a naive time is UTC"),
        pytest.param(date(2026, 11, 22), b'"2026-11-22"', id="a date"),
        pytest.param(timedelta(minutes=1, milliseconds=500), b"60.5", id="a duration in seconds"),
        pytest.param(uuid.UUID(int=7), b'"00000000-0000-0000-0000-000000000007"', id="a UUID"),
        pytest.param(gettext_lazy("Invalid."), b'"Invalid."', id="a lazy text"),
        pytest.param(ErrorDetail("No.", code="no"), b'"No."', id="a text of DRF"),
        pytest.param(Point(1, 2), b"[1,2]", id="a named tuple"),
        pytest.param(ReturnList([1], serializer=None), b"[1]", id="a list of DRF"),
        pytest.param(ReturnDict({"a": 1}, serializer=None), b'{"a":1}', id="a dictionary of DRF"),
        pytest.param({1: ["faulty"]}, b'{"1":["faulty"]}', id="a number as key"),
        pytest.param({"n": RawJson(b'{"a": 1}')}, b'{"n":{"a": 1}}', id="JSON that is text already"),
        pytest.param(float("nan"), b"null", id="what is no number is null"),
    ],
)
def test_values_have_one_form(value, text):
    assert dumps(value) == text


@pytest.mark.parametrize("value", [object(), {"inside": {1, 2}}, {object(): 1}, 2**70])
def test_what_has_no_json_form_is_a_fault(value):
    with pytest.raises(TypeError):
        dumps(value)


def test_an_answer_without_content_is_empty():
    assert JSONRenderer().render(None) == b""
    assert JSONRenderer().render({}) == b"{}"


@pytest.mark.parametrize("body", [b"", b"  \r\n"])
def test_an_empty_body_is_an_empty_object(body):
    """E-S0-13."""
    assert JSONParser().parse(io.BytesIO(body)) == {}


def test_a_body_is_decoded():
    assert JSONParser().parse(io.BytesIO('{"a": ["ä", 1.5, null]}'.encode())) == {"a": ["ä", 1.5, None]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="broken off"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": Infinity}', id="Infinity"),
        pytest.param(b"\xff\xfe", id="not UTF-8"),
        pytest.param(b'"\\ud800"', id="half a character"),
        pytest.param(b"[" * 5000 + b"]" * 5000, id="nested without end"),
    ],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(ParseError) as caught:
        JSONParser().parse(io.BytesIO(body))

    assert str(caught.value) == "The body is not valid JSON."


def test_a_text_field_takes_text():
    assert TextField().run_validation(" ease ") == "ease"


@pytest.mark.parametrize("value", [1, 1.5, True, [], {}, ["ease"]])
def test_a_text_field_takes_nothing_else(value):
    with pytest.raises(serializers.ValidationError) as caught:
        TextField().run_validation(value)

    assert caught.value.detail == ["Not a valid string."]
