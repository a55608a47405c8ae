"""Small shapes that several routes share."""

from typing import Any

from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from backend.common.principal import Principal

# For routes that anybody may call: a stale credential in the request must not turn them into a 401.
Public: list[type[BaseAuthentication]] = []


class SignedRequest(Request):
    """A request that got past `IsAuthenticated`: its user is a principal. Named in annotations only."""

    user: Principal  # type: ignore[assignment]


def principal_of(request: Request) -> Principal | None:
    """Return who is signed in; None for anonymous requests and for API keys."""
    user: object = request.user
    return user if isinstance(user, Principal) else None


class Message(serializers.Serializer[Any]):
    message = serializers.CharField()


class Detail(serializers.Serializer[Any]):
    detail = serializers.CharField()
    code = serializers.CharField()
