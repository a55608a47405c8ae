"""What calling any route takes: a caller in each role, the object in its path, a body that is good enough."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

from backend.audit.models import SecurityEvent
from backend.conftest import PASSWORD
from backend.identity.models import LoginLog, User
from backend.identity.principals import principal_of
from backend.identity.services import sessions
from backend.support.services import chats
from backend.tests.access import PEOPLE

METHODS = {"get", "post", "put", "patch", "delete"}
WORDS = "another quiet purple Tractor 7"
FLAGS = {"staff": {"is_staff": True}, "superuser": {"is_staff": True, "is_superuser": True}}
ROLE_NAMES = {"agent": "SUPPORT_AGENT", "bank_admin": "BANK_ADMIN", "auditor": "AUDITOR"}
LOG = {
    "creation_date": "2026-01-02",
    "creation_time": "10:00:00",
    "platform_OS": "iOS",
    "successful": True,
    "description": "by hand",
}


@dataclass(frozen=True)
class Caller:
    """Who calls; the anonymous and the key are nobody's, so what is `own` to them is some other customer's."""

    user: User
    client: APIClient
    sid: str
    is_agent: bool


def make_caller(make_user: Callable[..., User], role: str, *role_names: str) -> Caller:
    """Make a caller in one of access.py's roles, with further roles if asked."""
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
    """Makes what a route needs: the object in its path, and a body that is good enough to be carried out."""

    def __init__(self, make_user: Callable[..., User]) -> None:
        self._make_user = make_user
        self._desk = make_user("SUPPORT_AGENT")
        make_user(is_staff=True, is_superuser=True)  # Somebody is left when a superuser goes.

    def address(self, path: str, case: str, caller: Caller) -> str:
        owner = caller.user if case in {"", "own"} else self._make_user(**FLAGS["superuser"] if case == "above" else {})
        makers = {
            "user_id": lambda: owner.pk,
            "session_id": lambda: caller.sid if owner == caller.user else self._session_of(owner).sid,
            "log_id": lambda: LoginLog.objects.create(user=owner, description="x").pk,
            "event_id": lambda: SecurityEvent.objects.create(event_type="X", severity="LOW", description="x").pk,
            "chat_id": lambda: self._chat(owner, caller),
        }
        return path.format(**{name: make() for name, make in makers.items() if name in path})

    def _chat(self, owner: User, caller: Caller) -> uuid.UUID:
        """An open chat of this customer; an agent's own chat is one that they answer."""
        answers = owner == caller.user and caller.is_agent
        customer, agent = (self._make_user(), owner) if answers else (owner, self._desk)
        chat = chats.get_or_open_chat(actor=principal_of(customer))
        return chats.take_chat(actor=principal_of(agent), chat_id=chat.pk).pk

    def _session_of(self, user: User) -> sessions.TokenPair:
        return sessions.open_session(user=user, door="s1")

    def body(self, route: str) -> Any:
        make = self._bodies().get(route)
        return make() if make else None

    def _bodies(self) -> dict[str, Callable[[], dict[str, Any]]]:
        email = f"{uuid.uuid4().hex}@example.com"
        fresh = {"email": email, "first_name": "Ana", "last_name": "Banker", "password": WORDS}
        change = {"new_password": WORDS, "confirm_password": WORDS}
        return {
            "POST /api/register/": lambda: {**fresh, "username": uuid.uuid4().hex},
            "POST /api/users/register/": lambda: fresh,
            "POST /api/user/create/": lambda: {"email": email, "name": "Ana", "password": WORDS},
            "POST /api/superadmin/user/": lambda: fresh,
            "POST /api/login/": lambda: self._known("email"),
            "POST /api/user/token/": lambda: self._known("email"),
            "POST /api/users/login/": lambda: self._known("username"),
            "POST /api/auth/login/": lambda: self._known("username"),
            "POST /api/auth/refresh/": lambda: {"refresh": self._session_of(self._desk).refresh},
            "POST /api/auth/password/forgot/": lambda: {"email": self._desk.email},
            "POST /api/auth/password/reset/": lambda: {"token": "no such link", "new_password": WORDS},
            "PUT /api/profile/": lambda: {"first_name": "Ana"},
            "PUT /api/user/me/": lambda: {"email": email, "name": "Ana", "password": WORDS},
            "PATCH /api/user/me/": lambda: {"name": "Ana"},
            "PUT /api/users/changepwd/": lambda: {"current_password": PASSWORD, "new_password": WORDS},
            "POST /api/profile/change-password/": lambda: {"old_password": PASSWORD, **change},
            "PATCH /api/auth/sessions/{session_id}/": lambda: {"name": "my phone"},
            "POST /api/users/loginLog/": lambda: LOG,
            "PUT /api/users/loginLog/{log_id}/": lambda: LOG,
            "PUT /api/superadmin/user/{user_id}/": lambda: {"first_name": "Ana"},
            "PUT /api/superadmin/user/block/{user_id}/": lambda: {"is_active": False},
            "POST /api/chats/{chat_id}/messages/": lambda: {"message": "Good morning"},
        }

    def _known(self, field: str) -> dict[str, str]:
        return {field: self._desk.email, "password": PASSWORD}


def document() -> dict[str, Any]:
    """The OpenAPI document of the product as it is."""
    return SchemaGenerator().get_schema(request=None, public=True)


def json_of(body: Any) -> tuple[str, str]:
    """Return a request's content and its type, as `APIClient.generic` takes them."""
    return ("" if body is None else json.dumps(body), "application/json")
