"""Credentials of a WebSocket, and how sessions that end reach open sockets."""

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import parse_cookie
from django.http.request import validate_host
from django.utils.http import is_same_domain

from backend.common import request_context
from backend.common.errors import TooMany
from backend.common.pool import PoolBusy
from backend.common.principal import Principal
from backend.common.ratelimit import limiter
from backend.identity import limits, principals
from backend.identity.authentication import ACCESS_COOKIE, SCHEMES
from backend.identity.errors import TokenRefused
from backend.identity.services import tickets
from backend.realtime import selectors as topics
from backend.realtime.feeds import Delivery
from backend.realtime.runtime import Follower, Runtime
from backend.realtime.sockets import GOING_AWAY, NOT_SIGNED_IN, Refused, Socket

# How often to look whether all that ended was heard, and in how many steps to wait for what is still on its way.
LOOK_EVERY_S = 0.2
HEARD_WITHIN = 20


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
            if known is None:
                self._count_guess()
            raise Refused(NOT_SIGNED_IN) from None
        self._count_connection(principal)
        return principal

    def has_ended(self, principal: Principal) -> bool:
        return principals.recent.is_ended(principal.sid)

    def has_changed(self, principal: Principal) -> bool:
        return principals.recent.least_version(principal.id) > principal.version

    def _count_guess(self) -> None:
        """Count a credential that is none by its address, as REST does. Raises: Refused."""
        forwarded = b",".join(value for name, value in self.scope["headers"] if name == b"x-forwarded-for")
        peer = (self.scope.get("client") or [None])[0]
        ip = request_context.client_ip(peer, forwarded.decode("latin1"))
        try:
            with request_context.entered(request_context.RequestContext(ip=ip)):
                limits.share_for_address("credential")
        except TooMany:
            raise Refused(GOING_AWAY) from None

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
    return own or any(_is_of(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def _is_of(origin: str, trusted: str) -> bool:
    """Whether an origin is the trusted one, or below it where that is `https://*.example.com`: as Django's forms do."""
    scheme, _, host = trusted.partition("://")
    if not host.startswith("*"):
        return origin == trusted
    own_scheme, _, own_host = origin.partition("://")
    return own_scheme == scheme and is_same_domain(own_host, host[1:])


def _hosts() -> list[str]:
    return list(settings.ALLOWED_HOSTS)


async def follow_sessions(runtime: Runtime) -> None:
    """Keep this process's memory of ended sessions, and close their sockets: on every process, under a second."""

    def hear(delivery: Delivery) -> None:
        ended = principals.hear(delivery.kind, orjson.loads(delivery.payload)["payload"])
        runtime.close_sessions(ended, NOT_SIGNED_IN)
        if delivery.kind == "principal.changed":
            runtime.recheck_user(orjson.loads(delivery.payload)["payload"]["user_id"])

    topic = principals.SESSIONS_TOPIC
    follower = await runtime.follow(topic, hear, since_seconds=principals.MEMORY_SECONDS)
    await runtime.every(LOOK_EVERY_S, lambda: _look_for_unheard(runtime, follower))


async def _look_for_unheard(runtime: Runtime, follower: Follower) -> None:
    """Make sure that all that is stored of ended sessions has been heard, and say so.

    Rings can be lost, with Redis or on the way. Where nobody is connected and nobody asks, nobody needs to know.
    """
    if not (runtime.sockets or principals.just_now.was_asked):
        return
    principals.just_now.was_asked = False
    since = time.monotonic()
    try:
        heads = await runtime.hub.read(topics.heads_of, [principals.SESSIONS_TOPIC])
    except (DatabaseError, InterfaceError, PoolBusy):
        return  # Not known is not confirmed. The hub's own check says in the log that the database is away.
    head = heads.get(principals.SESSIONS_TOPIC, 0)
    runtime.hub.learn_head(principals.SESSIONS_TOPIC, head)
    for _ in range(HEARD_WITHIN):
        if follower.cursor >= head:
            principals.just_now.confirm(since)
            return
        await asyncio.sleep(LOOK_EVERY_S / HEARD_WITHIN)
