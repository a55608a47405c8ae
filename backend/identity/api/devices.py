"""The device token: how a device that signed in before is known again (cookie `device`, header `X-Device-Token`)."""

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response

from backend.identity.authentication import DEVICE_COOKIE

HEADER = "X-Device-Token"


def token_in(request: Request) -> str:
    return str(request.headers.get(HEADER) or request.COOKIES.get(DEVICE_COOKIE) or "")


def remember(response: Response, token: str) -> None:
    """Hand the token to the client both ways: apps keep the header's, browsers the cookie."""
    response[HEADER] = token
    response.set_cookie(
        DEVICE_COOKIE,
        token,
        max_age=int(settings.DEVICE_KNOWN_FOR.total_seconds()),
        domain=settings.AUTH_COOKIE_DOMAIN,
        secure=settings.COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
