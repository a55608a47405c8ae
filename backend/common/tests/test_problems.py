"""design.md section 8: errors are JSON, field errors keep DRF's shape, a crash says a reference and nothing else."""

import pytest
from django.db import connection
from rest_framework.test import APIClient

from backend.common import database, problems
from backend.common.errors import DomainError
from backend.common.postgresql import base
from backend.common.tests import routes

pytestmark = pytest.mark.urls("backend.common.tests.routes")

UNAVAILABLE = {
    "detail": "The service is not available at the moment. Try again shortly.",
    "code": "unavailable",
}


@pytest.fixture
def client() -> APIClient:
    return APIClient(raise_request_exception=False)


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("not-found", 404, {"detail": "Not found.", "code": "not_found"}),
        ("forbidden", 403, {"detail": "Not yours.", "code": "forbidden"}),
        ("conflict", 409, {"detail": "This conflicts with the present state.", "code": "conflict"}),
        ("rule", 422, {"detail": "Too much.", "code": "rule_violation", "limit": "10.00", "left": 3}),
        ("unauthenticated", 401, {"detail": "Sign in first.", "code": "not_authenticated"}),
        ("unavailable", 503, UNAVAILABLE),
        ("subclass", 409, {"detail": "Somebody was faster.", "code": "odd.conflict"}),
        ("of-no-kind", 500, {"detail": "The request could not be carried out.", "code": "error"}),
        ("http404", 404, {"detail": "Not found.", "code": "not_found"}),
        (
            "permission-denied",
            403,
            {"detail": "You do not have permission to perform this action.", "code": "permission_denied"},
        ),
        (
            "throttled",
            429,
            {"detail": "Request was throttled. Expected available in 7 seconds.", "code": "throttled"},
        ),
        ("django-validation", 400, {"iban": ["Wrong length."]}),
        ("django-validation-whole", 400, {"non_field_errors": ["These two do not go together."]}),
    ],
)
def test_every_kind_of_error_has_its_status_and_shape(client, name, status, body):
    """E-ERR-1 to 3, K-38: the statuses and shapes."""
    answer = client.get(f"/raise/{name}/")

    assert (answer.status_code, answer.json()) == (status, body)


def test_unavailable_says_when_to_come_back(client):
    assert client.get("/raise/unavailable/").headers["Retry-After"] == "2"
    assert "Retry-After" not in client.get("/raise/conflict/").headers


def test_field_errors_keep_the_shape_clients_rely_on(client):
    answer = client.post("/shapes/", {"name": "too long", "amounts": [1, 0, "x"]})

    assert answer.status_code == 400
    assert answer.json() == {
        "name": ["Ensure this field has no more than 5 characters."],
        "amounts": {
            "1": ["Ensure this value is greater than or equal to 1."],
            "2": ["A valid integer is required."],
        },
    }


@pytest.mark.parametrize(
    ("request_of", "status", "body"),
    [
        (
            lambda client: client.post("/shapes/", "[1", content_type="application/json"),
            400,
            {"detail": "The body is not valid JSON.", "code": "parse_error"},
        ),
        (
            lambda client: client.post("/shapes/", "<a/>", content_type="text/xml"),
            415,
            {"detail": 'Unsupported media type "text/xml" in request.', "code": "unsupported_media_type"},
        ),
        (
            lambda client: client.get("/shapes/"),
            405,
            {"detail": 'Method "GET" not allowed.', "code": "method_not_allowed"},
        ),
        (
            lambda client: client.get("/nowhere/"),
            404,
            {"detail": "Not found.", "code": "not_found"},
        ),
        (
            lambda client: client.get("/plain/suspicious/"),
            400,
            {"detail": "The request was not understood.", "code": "bad_request"},
        ),
        (
            lambda client: client.get("/plain/denied/"),
            403,
            {"detail": "Access denied.", "code": "forbidden"},
        ),
    ],
    ids=["broken JSON", "another media type", "another method", "an unknown route", "a suspicious one", "a denied one"],
)
def test_what_no_view_answers_has_the_same_shape(client, request_of, status, body):
    answer = request_of(client)

    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers["Content-Type"] == "application/json"


def test_a_crash_answers_a_reference_and_nothing_of_the_inside(client, caplog):
    answer = client.get("/raise/crash/")

    assert answer.status_code == 500
    assert answer.json() == {
        "detail": "Something went wrong on our side. Please try again; if it stays, name the reference.",
        "code": "server_error",
        "reference": answer.headers["X-Request-Id"],
    }
    assert len(answer.headers["X-Request-Id"]) == 16
    assert "ZeroDivisionError: secret inside" in caplog.text


def test_each_kind_of_error_knows_its_status_from_its_family():
    class Deeper(routes.OddConflict):
        pass

    assert problems.status_of(Deeper()) == 409
    assert problems.status_of(DomainError()) == 500


def test_a_write_whose_connection_is_cut_is_503_and_done_only_once(client, committed):
    """design.md section 8: database away is 503 with Retry-After, and a write is never repeated."""
    routes.written.clear()

    answer = client.post("/database/")

    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    assert answer.headers["Retry-After"] == "2"
    assert routes.written == ["once"]


def test_the_request_after_a_cut_connection_is_served(client, committed):
    client.post("/database/")

    answer = client.get("/database/")

    assert (answer.status_code, answer.json()) == (200, {"found": 1})


def test_a_connection_found_closed_is_503_and_replaced(client, committed):
    first = client.put("/database/")
    second = client.get("/database/")

    assert (first.status_code, first.json()) == (503, UNAVAILABLE)
    assert second.status_code == 200


def test_a_server_that_cannot_be_reached_is_503(client, committed, monkeypatch):
    connection.close()
    with monkeypatch.context() as away:
        away.setattr(base, "connecting", database.Connecting())
        away.setattr(database.time, "sleep", lambda seconds: None)
        away.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        away.setitem(connection.settings_dict, "PORT", 1)

        answer = client.get("/database/")

    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)


def test_a_wrong_statement_is_a_crash_and_not_an_outage(client, committed):
    answer = client.delete("/database/")

    assert answer.status_code == 500
    assert answer.json()["code"] == "server_error"


def test_a_lock_that_others_hold_too_long_is_503_and_nothing_is_written(client, committed):
    """It is nobody's mistake, and a little later it may work."""
    other = base.DatabaseWrapper(connection.settings_dict, "default")
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM identity_role WHERE name = 'AUDITOR' FOR UPDATE")

        while_held = client.post("/lock/")
    other.close()
    afterwards = client.post("/lock/")

    assert (while_held.status_code, while_held.json()) == (503, UNAVAILABLE)
    assert while_held.headers["Retry-After"] == "2"
    assert afterwards.status_code == 200
