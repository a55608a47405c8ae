"""CORS as design.md section 8 has it (S0-O3, S1-O7, S4-O11, K-73): an explicit list, and on every answer."""

import pytest
from rest_framework.test import APIClient

OURS = "https://app.ease.example"
THEIRS = "https://evil.example"


@pytest.fixture
def page(settings):
    """Return what a page of an origin is told; `page(OURS, "post", "/api/login/", …)`."""
    settings.CORS_ALLOWED_ORIGINS = [OURS]

    def ask(origin, method, path, *args, **headers):
        return getattr(APIClient(raise_request_exception=False), method)(path, *args, HTTP_ORIGIN=origin, **headers)

    return ask


def preflight(page, origin, *, method="POST", headers=""):
    asked = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": method, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": headers}
    return page(origin, "options", "/api/login/", **asked)


@pytest.mark.django_db
def test_a_page_on_the_list_may_send_cookies_and_read_the_csrf_token(page):
    """S0-O3."""
    answer = page(OURS, "post", "/api/login/", {})

    assert answer.status_code == 400
    assert answer["Access-Control-Allow-Origin"] == OURS
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert answer["Access-Control-Expose-Headers"] == "Content-Type, X-CSRFToken"
    assert "origin" in answer["Vary"].lower()


@pytest.mark.django_db
@pytest.mark.parametrize("origin", [THEIRS, "null", OURS + ".evil.example", OURS.replace("https", "http")])
def test_another_page_is_told_nothing(page, origin):
    """S1-O7, BUG-S1-40, K-73: never everybody, least of all with credentials."""
    answers = [page(origin, "post", "/api/login/", {}), preflight(page, origin)]

    assert [name for answer in answers for name in answer.headers if name.startswith("Access-Control-")] == []


@pytest.mark.parametrize(
    "header", ["authorization", "content-type", "x-csrftoken", "x-api-key", "idempotency-key", "x-device-token"]
)
def test_a_page_may_send_the_headers_that_we_read(page, header):
    """S4-O11."""
    answer = preflight(page, OURS, headers=header)

    assert answer.status_code == 200
    assert header in answer["Access-Control-Allow-Headers"].split(", ")
    assert "x-forwarded-for" not in answer["Access-Control-Allow-Headers"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/api/profile/", 401), ("get", "/no/such/page/", 404), ("put", "/api/login/", 405)],
)
def test_refusals_carry_the_headers_too(page, method, path, status):
    """BUG-S0-29: first in the middleware, so that a page can read why it was refused."""
    answer = page(OURS, method, path)

    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (status, OURS)


def test_it_is_first_in_the_middleware(settings):
    """BUG-S0-29."""
    assert settings.MIDDLEWARE[0] == "corsheaders.middleware.CorsMiddleware"
    assert not getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False)
