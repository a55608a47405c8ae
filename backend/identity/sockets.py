"""Credentials of a WebSocket, and how sessions that end reach open sockets."""

from typing import Any
from urllib.parse import parse_qs

import orjson

from backend.common.principal import Principal
from backend.identity import principals
from backend.identity.authentication import SCHEMES
from backend.identity.errors import TokenRefused
from backend.realtime.feeds import Delivery
from backend.realtime.runtime import Runtime

NOT_SIGNED_IN = 4001


def principal_from_scope(scope: dict[str, Any]) -> Principal:
    """Return who opens the socket. Raises: TokenRefused.

    The token comes as `Authorization` header, as `Sec-WebSocket-Protocol: bearer, <token>`, or as `?token=`; the
    first one given counts, so that a bad header is not saved by another credential.
    """
    return principals.principal_from_token(_token_of(scope))


def _token_of(scope: dict[str, Any]) -> str:
    for name, value in scope.get("headers", []):
        if name == b"authorization":
            scheme, _, token = value.decode("latin1").partition(" ")
            if scheme.lower().encode("latin1") not in SCHEMES:
                raise TokenRefused
            return token.strip()
    protocols = scope.get("subprotocols", [])
    if "bearer" in protocols:
        at = protocols.index("bearer") + 1
        return protocols[at] if at < len(protocols) else ""
    found = parse_qs(scope.get("query_string", b"").decode("latin1")).get("token")
    return found[0] if found else ""


async def follow_sessions(runtime: Runtime) -> None:
    """Keep this process's memory of ended sessions, and close their sockets: on every process, under a second."""

    def hear(delivery: Delivery) -> None:
        ended = principals.hear(delivery.kind, orjson.loads(delivery.payload)["payload"])
        runtime.close_sessions(ended, NOT_SIGNED_IN)
        if delivery.kind == "principal.changed":
            runtime.recheck_user(orjson.loads(delivery.payload)["payload"]["user_id"])

    await runtime.follow(principals.SESSIONS_TOPIC, hear, since_seconds=principals.MEMORY_SECONDS)
