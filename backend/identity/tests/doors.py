"""What the tests of the doors have in common."""

from typing import Any

import jwt
from django.apps import apps
from rest_framework.test import APIClient

from backend.audit.models import AuditLog, SecurityEvent
from backend.identity.models import LoginLog, Session, User, UserRole

LOGIN = "/api/users/login/"
REGISTER = "/api/users/register/"
LOGOUT = "/api/users/logout/"
CHANGE = "/api/users/changepwd/"
REFRESH = "/api/auth/refresh/"

TOKEN_REFUSED = {
    "detail": "The token is invalid or has expired. Sign in again.",
    "code": "token_not_valid",
    "error": "The token is invalid or has expired. Sign in again.",
}
BAD_CREDENTIALS = {"detail": "E-mail or password is incorrect.", "code": "bad_credentials"}

Event = apps.get_model("realtime", "Event")


def rows() -> dict[str, int]:
    """How much there is of everything that a write leaves behind. Compared before and after, it shows what happened."""
    models = (User, UserRole, Session, LoginLog, AuditLog, SecurityEvent, Event)
    return {model.__name__: model.objects.count() for model in models}


def bearing(access: str, scheme: str = "Bearer") -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"{scheme} {access}")
    return client


def status_of(access: str) -> int:
    """401 when the token is refused, 400 when it is accepted: the request that it is tried with lacks every field."""
    return bearing(access).put(CHANGE, {}).status_code


ACCEPTED = 400
REFUSED = 401


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def notices_to(user_id: int) -> list[dict[str, Any]]:
    """What the person's inbox holds, oldest first."""
    found = Event.objects.filter(topic__key=f"user.{user_id}").order_by("seq")
    return [{"kind": event.kind, **event.payload} for event in found]
