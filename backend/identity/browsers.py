"""What a browser is given to keep: the tokens of its session, and by what it is known again, all HttpOnly."""

from datetime import datetime

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from backend.identity import tokens
from backend.identity.authentication import ACCESS_COOKIE, DEVICE_COOKIE, REFRESH_COOKIE
from backend.identity.errors import TokenRefused
from backend.identity.services.sessions import TokenPair


def give_tokens(response: HttpResponseBase, pair: TokenPair) -> None:
    for name, value, read in (
        (ACCESS_COOKIE, pair.access, tokens.read_access),
        (REFRESH_COOKIE, pair.refresh, tokens.read_refresh),
    ):
        _set(response, name, value, read(value).expires_at)


def take_tokens(response: HttpResponseBase) -> None:
    """Delete with the attributes they were set with; otherwise they would survive (BUG-S0-11)."""
    for name in (ACCESS_COOKIE, REFRESH_COOKIE):
        response.delete_cookie(name, path="/", domain=settings.AUTH_COOKIE_DOMAIN, samesite="Lax")
    response.delete_cookie(
        settings.CSRF_COOKIE_NAME, path="/", domain=settings.CSRF_COOKIE_DOMAIN, samesite=settings.CSRF_COOKIE_SAMESITE
    )


def remember_device(response: HttpResponseBase, token: str) -> None:
    response.set_cookie(
        DEVICE_COOKIE,
        token,
        max_age=int(settings.DEVICE_KNOWN_FOR.total_seconds()),
        domain=settings.AUTH_COOKIE_DOMAIN,
        secure=settings.COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def session_of(request: HttpRequest) -> tokens.Claims | None:
    """Return whose session the cookies are of, expired or not ended yet; None where there are none of ours."""
    for name, read in ((REFRESH_COOKIE, tokens.read_refresh), (ACCESS_COOKIE, tokens.read_access)):
        try:
            return read(request.COOKIES.get(name, ""))
        except TokenRefused:
            continue
    return None


def _set(response: HttpResponseBase, name: str, value: str, expires_at: datetime) -> None:
    response.set_cookie(
        name,
        value,
        expires=expires_at,
        path="/",
        domain=settings.AUTH_COOKIE_DOMAIN,
        secure=settings.COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
