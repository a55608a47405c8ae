"""Signing in at any door, and what is left of it."""

import uuid
from ipaddress import IPv6Address
from typing import Any

from rest_framework.test import APIClient

from backend.audit.models import SecurityEvent
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog

# Door -> address, and the field that names the account.
DOORS = {
    "s0": ("/api/login/", "email"),
    "s1": ("/api/users/login/", "username"),
    "s2": ("/api/auth/login/", "username"),
    "s3": ("/api/user/token/", "email"),
}
WRONG = "not the password"
UNSIGNED = {"detail": "Authentication credentials were not provided.", "code": "not_authenticated"}
LINE = "E-mail or password is incorrect."


def browser(**defaults: Any) -> APIClient:
    """A client that keeps cookies, is held to CSRF as browsers are, and shows crashes as answers."""
    return APIClient(enforce_csrf_checks=True, raise_request_exception=False, **defaults)


def attempt(door: str, identifier: str, password: str = PASSWORD, *, device: str = "", ip: str = "127.0.0.1") -> Any:
    """Try to sign in, from a client without a past."""
    url, field = DOORS[door]
    headers = {"HTTP_X_DEVICE_TOKEN": device} if device else {}
    body = {field: identifier, "password": password}
    return APIClient(raise_request_exception=False).post(url, body, REMOTE_ADDR=ip, **headers)


def fail(identifier: str, times: int, *, door: str = "s1", **more: Any) -> list[Any]:
    return [attempt(door, identifier, WRONG, **more) for _ in range(times)]


def an_address() -> str:
    """An address that no other test counts on."""
    return str(IPv6Address(uuid.uuid4().int | 2**127))


def events() -> list[tuple[str, int | None]]:
    """Security events and whom they concern, oldest first."""
    return list(SecurityEvent.objects.order_by("id").values_list("event_type", "user_id"))


def log_lines() -> list[tuple[int | None, bool, str]]:
    return list(LoginLog.objects.order_by("at").values_list("user_id", "successful", "description"))


def shown(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """Everything that a client sees of an answer, but for the number of the request."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}
    return answer.status_code, answer.content, headers
