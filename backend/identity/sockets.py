"""Credentials of a WebSocket, and how sessions that end reach open sockets."""

from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings
from django.http import parse_cookie
from django.http.request import validate_host

from backend.common.errors import TooMany
from backend.common.principal import Principal
from backend.common.ratelimit import limiter
from backend.identity import limits, principals
from backend.identity.authentication import ACCESS_COOKIE, SCHEMES
from backend.identity.errors import TokenRefused
from backend.identity.services import tickets
from backend.realtime.feeds import Delivery
from backend.realtime.runtime import Runtime
from backend.realtime.sockets import GOING_AWAY, NOT_SIGNED_IN, Refused, Socket


class SignedSocket(Socket):
    """A socket of somebody signed in: by any credential that fits, for as long as the session lasts."""

    def identified(self) -> Principal:
        """Return who this is: by the credential on opening, by the session afterwards (a ticket is good only once).

        Raises: Refused.
        """
        known = self.principal
        try:
            if known is not None and known.expires_at is not None:
                return principals.principal_of_session(known.sid, known.id, known.expires_at)
            principal = principal_from_scope(self.scope)
        except TokenRefused:
            raise Refused(NOT_SIGNED_IN) from None
        self._count_connection(principal)
        return principal

    def has_ended(self, principal: Principal) -> bool:
        return principals.recent.is_ended(principal.sid)

    def has_changed(self, principal: Principal) -> bool:
        return principals.recent.least_version(principal.id) > principal.version

    def _count_connection(self, principal: Principal) -> None:
        try:
            limits.judge(limiter().hit(limits.rule("socket"), f"user:{principal.id}"), "socket", user_id=principal.id)
        except TooMany:
            raise Refused(GOING_AWAY) from None


def principal_from_scope(scope: dict[str, Any]) -> Principal:
    """Return who opens the socket. Raises: TokenRefused.

    The first credential given counts, so that a bad one is not saved by another: `Authorization` header,
    `Sec-WebSocket-Protocol: bearer, <token>`, `?ticket=`, `?token=`, and the cookie, for which the page must be ours.
    """
    headers = dict(scope.get("headers", []))
    if b"authorization" in headers:
        return principals.principal_from_credential(_token_in_header(headers[b"authorization"]))
    protocols = scope.get("subprotocols", [])
    if "bearer" in protocols:
        at = protocols.index("bearer") + 1
        return principals.principal_from_credential(protocols[at] if at < len(protocols) else "")
    query = parse_qs(scope.get("query_string", b"").decode("latin1"), keep_blank_values=True)
    if "ticket" in query:
        return tickets.spend_ticket(query["ticket"][0])
    if "token" in query:
        return principals.principal_from_credential(query["token"][0])
    return _principal_from_cookie(headers)


def _token_in_header(value: bytes) -> str:
    scheme, _, token = value.decode("latin1").partition(" ")
    if scheme.lower().encode("latin1") not in SCHEMES:
        raise TokenRefused
    return token.strip()


def _principal_from_cookie(headers: dict[bytes, bytes]) -> Principal:
    raw = parse_cookie(headers.get(b"cookie", b"").decode("latin1")).get(ACCESS_COOKIE, "")
    if raw and not _is_own_origin(headers):
        raise TokenRefused  # Another site's page opened this socket with its visitor's cookie.
    return principals.principal_from_token(raw)


def _is_own_origin(headers: dict[bytes, bytes]) -> bool:
    """Whether the page's origin is the host it connects to, or one that is trusted. No origin is not enough here."""
    origin = headers.get(b"origin", b"").decode("latin1")
    host = headers.get(b"host", b"").decode("latin1")
    own = origin in {f"https://{host}", f"http://{host}"} and validate_host(host.rpartition(":")[0] or host, _hosts())
    return own or origin in settings.CSRF_TRUSTED_ORIGINS


def _hosts() -> list[str]:
    return list(settings.ALLOWED_HOSTS)


async def follow_sessions(runtime: Runtime) -> None:
    """Keep this process's memory of ended sessions, and close their sockets: on every process, under a second."""

    def hear(delivery: Delivery) -> None:
        ended = principals.hear(delivery.kind, orjson.loads(delivery.payload)["payload"])
        runtime.close_sessions(ended, NOT_SIGNED_IN)
        if delivery.kind == "principal.changed":
            runtime.recheck_user(orjson.loads(delivery.payload)["payload"]["user_id"])

    await runtime.follow(principals.SESSIONS_TOPIC, hear, since_seconds=principals.MEMORY_SECONDS)
