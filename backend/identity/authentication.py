"""Credentials of a REST request: a header, else the cookie (K-11, K-14).

`Authorization: Bearer …` or `Token …`, either with a JWT or with the S3 door's 40-hex token. A header beats a cookie,
also when it is bad. A cookie counts on unsafe methods only with a CSRF token that is truly compared (BUG-S0-4).
"""

import copy
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from backend.common.principal import Principal
from backend.common.request_context import asked_by
from backend.identity import limits
from backend.identity.errors import TokenRefused
from backend.identity.principals import principal_from_credential, principal_from_token

SCHEMES = frozenset({b"bearer", b"token"})
ACCESS_COOKIE = "accessToken"
REFRESH_COOKIE = "refreshToken"
DEVICE_COOKIE = "device"


class TokenAuthentication(BaseAuthentication):
    """Who bears the header's token. Another scheme is not ours to judge; a broken one of ours is refused (E-S1-21)."""

    def authenticate(self, request: Request) -> tuple[Principal, Any] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() not in SCHEMES:
            return None
        try:
            if len(parts) != 2:
                raise TokenRefused
            principal = principal_from_credential(parts[1].decode("ascii"))
        except (TokenRefused, UnicodeDecodeError) as fault:
            raise _refused(TokenRefused()) from fault
        asked_by(principal.sid)
        return principal, "header"

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ease"'


class CookieAuthentication(BaseAuthentication):
    """Who holds the `accessToken` cookie (S0-B3). No cookie is nobody; one that is not valid is refused."""

    def authenticate(self, request: Request) -> tuple[Principal, Any] | None:
        raw = request.COOKIES.get(ACCESS_COOKIE)
        if not raw:
            return None
        try:
            principal = principal_from_token(raw)
        except TokenRefused as fault:
            raise _refused(fault) from fault
        check_csrf(request)
        asked_by(principal.sid)
        return principal, "cookie"

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ease"'


class _CsrfCheck(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def check_csrf(request: Request) -> None:
    """Compare cookie and `X-CSRFToken` header on unsafe methods, and Origin or Referer. Raises: PermissionDenied."""
    # Django looks for a token in the form, too: that would read a whole upload before anybody has decided about it.
    bodiless = copy.copy(request._request)
    bodiless.POST = QueryDict()
    check = _CsrfCheck(_no_response)
    check.process_request(bodiless)
    reason = check.process_view(bodiless, _no_response, (), {})
    if reason:
        raise PermissionDenied("CSRF check failed: send the csrftoken cookie's value as X-CSRFToken.", "csrf_failed")


def _no_response(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("only the checks of this middleware are used")


def _refused(fault: TokenRefused) -> AuthenticationFailed:
    """Count the try like a request of anybody: tokens are not to be guessed at leisure. Raises: TooMany.

    The S1 clients read `error`, all others `detail` and `code` (K-38).
    """
    limits.share_for_address("credential")
    return AuthenticationFailed({"detail": fault.detail, "code": fault.code, "error": fault.detail})
