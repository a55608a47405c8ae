"""Whatever the OpenAPI document allows, and much that it does not: no answer is a crash.

Schemathesis makes the requests from the document, the same ones at each run. Somebody with every role and flag sends
them, half of the time about objects that exist.
"""

import json
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from backend.common.principal import AUDITOR, BANK_ADMIN, SUPPORT_AGENT
from backend.tests.access import ACCESS, address_of
from backend.tests.stage import Stage, document, make_caller

# Every route in turn: what runs there has tests of its own, and measuring it again takes half the time.
pytestmark = pytest.mark.no_cover

EXAMPLES = 5
FIXED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # A crash is shown as it is: shrinking would take longer than reading.
    suppress_health_check=list(HealthCheck),
)


@schemathesis.serializer("application/offset+octet-stream")
def _as_it_is(context: Any, value: Any) -> bytes:
    """tus bodies (backend/kyc/api/uploads.py): schemathesis knows no form for them."""
    return value if isinstance(value, bytes) else str(value).encode()


@cache
def operations() -> dict[str, Any]:
    found = [one.ok() for one in schemathesis.openapi.from_dict(document()).get_all_operations()]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


@pytest.fixture
def stage(make_user) -> Stage:
    return Stage(make_user)


@pytest.mark.django_db
@pytest.mark.parametrize("route", ACCESS)
def test_no_request_makes_a_crash(route, stage, make_user):
    operation = operations()[route]
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode])
    answers = []

    @FIXED
    @given(case=cases, about_something=st.booleans())
    def play(case: Case, about_something: bool) -> None:
        caller = make_caller(make_user, "superuser", SUPPORT_AGENT, BANK_ADMIN, AUDITOR)
        there = address_of(operation.path, "own", stage=stage, caller=caller)
        path = there if about_something else operation.path.format(**case.path_parameters)
        query = urlencode(case.query or {}, doseq=True, errors="replace")
        answer = caller.client.generic(operation.method.upper(), path, *content_of(case), QUERY_STRING=query)
        answers.append(answer.status_code)

    play()

    method, path = route.split(" ")
    told = {int(status) for status in document()["paths"][path][method.lower()]["responses"] if status == "503"}
    assert [status for status in answers if status >= 500 and status not in told] == []
    assert len(answers) >= 1


def content_of(case: Case) -> tuple[bytes, str]:
    """Return the case's body as bytes, and the type it is said to be; what fits no form is sent as it is written."""
    kind = case.media_type or "application/json"
    if not isinstance(case.body, str | bytes | dict | list | int | float | None):
        return b"", kind
    if "form" in kind and isinstance(case.body, dict):
        return urlencode(case.body, doseq=True, errors="replace").encode(), kind
    if isinstance(case.body, bytes):
        return case.body, kind
    return json.dumps(case.body).encode(), kind
