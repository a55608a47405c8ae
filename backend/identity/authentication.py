"""Credentials of a REST request: `Authorization: Bearer …` or `Token …` (K-11, K-14)."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from backend.common.principal import Principal
from backend.identity.errors import TokenRefused
from backend.identity.principals import principal_from_token

SCHEMES = frozenset({b"bearer", b"token"})


class TokenAuthentication(BaseAuthentication):
    """Who bears the access token. Another scheme is not ours to judge; a broken header of ours is refused (E-S1-21)."""

    def authenticate(self, request: Request) -> tuple[Principal, Any] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() not in SCHEMES:
            return None
        try:
            if len(parts) != 2:
                raise TokenRefused
            principal = principal_from_token(parts[1].decode("ascii"))
        except (TokenRefused, UnicodeDecodeError) as fault:
            raise _refused(TokenRefused()) from fault
        return principal, parts[1]

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ease"'


def _refused(fault: TokenRefused) -> AuthenticationFailed:
    """The S1 clients read `error`, all others `detail` and `code` (K-38)."""
    return AuthenticationFailed({"detail": fault.detail, "code": fault.code, "error": fault.detail})
