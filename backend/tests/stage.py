"""What calling any route takes: a caller in each role, and somebody on the other side."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

from backend.identity.models import User
from backend.identity.services import sessions
from backend.tests.roles import PEOPLE

METHODS = {"get", "post", "put", "patch", "delete"}
FLAGS = {"staff": {"is_staff": True}, "superuser": {"is_staff": True, "is_superuser": True}}
ROLE_NAMES = {"agent": "SUPPORT_AGENT", "bank_admin": "BANK_ADMIN", "auditor": "AUDITOR"}


@dataclass(frozen=True)
class Caller:
    """Who calls; the anonymous and the key are nobody's, so what is `own` to them is some other customer's."""

    user: User
    client: APIClient
    sid: str
    is_agent: bool


def make_caller(make_user: Callable[..., User], role: str, *role_names: str) -> Caller:
    """Make a caller in one of roles.py's roles, with further roles if asked."""
    names = [ROLE_NAMES[role]] if role in ROLE_NAMES else []
    user = make_user(*names, *role_names, **FLAGS.get(role, {}))
    client = APIClient(raise_request_exception=False)
    pair = sessions.open_session(user=user, door="s1")
    if role in PEOPLE:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
        client.cookies["accessToken"], client.cookies["refreshToken"] = pair.access, pair.refresh
    elif role == "api_key":
        client.credentials(HTTP_X_API_KEY=APIKey.objects.create_key(name="partner")[1])
    return Caller(user, client, pair.sid, role == "agent")


class Stage:
    """Who else is there: an agent at the desk, a superuser, and anybody whom a slice's makers need."""

    def __init__(self, make_user: Callable[..., User]) -> None:
        self.make_user = make_user
        self.desk = make_user("SUPPORT_AGENT")
        make_user(is_staff=True, is_superuser=True)  # Somebody is left when a superuser goes.

    def owner(self, case: str, caller: Caller) -> User:
        """Whose the object in the path is."""
        return caller.user if case in {"", "own"} else self.make_user(**FLAGS["superuser"] if case == "above" else {})

    def session_of(self, user: User) -> sessions.TokenPair:
        return sessions.open_session(user=user, door="s1")


def document() -> dict[str, Any]:
    """The OpenAPI document of the product as it is."""
    return SchemaGenerator().get_schema(request=None, public=True)


@dataclass(frozen=True)
class Raw:
    """A body that is no JSON, and what goes with it in the request's head (`HTTP_…`)."""

    content: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """A body that is a multipart form with one file, and other fields in front of it."""

    name: str
    content: bytes
    file_field: str = "file"
    fields: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[bytes, str]:
        named = '--x\r\nContent-Disposition: form-data; name="{}"'
        parts = [f"{named.format(key)}\r\n\r\n{text}\r\n" for key, text in self.fields.items()]
        head = f'{named.format(self.file_field)}; filename="{self.name}"\r\n\r\n'
        return "".join([*parts, head]).encode() + self.content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def sent(body: Any) -> tuple[tuple[str | bytes, str], dict[str, str]]:
    """Return a request's content with its type, and its further headers, as `APIClient.generic` takes them."""
    if isinstance(body, Raw):
        return (body.content, body.content_type), body.headers
    if isinstance(body, Form):
        return body.encoded(), {}
    return ("" if body is None else json.dumps(body), "application/json"), {}
