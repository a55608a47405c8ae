"""What is known about the request being served, for audit rows and log lines, without passing it everywhere."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, bound_contextvars, unbind_contextvars


@dataclass(frozen=True, slots=True)
class RequestContext:
    request_id: str = ""
    ip: str | None = None
    user_agent: str = ""


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)
_NONE = RequestContext()


def current() -> RequestContext:
    """Return the context of the request in hand; outside of one, an empty context."""
    return _current.get() or _NONE


@contextmanager
def entered(context: RequestContext) -> Iterator[None]:
    token = _current.set(context)
    try:
        with bound_contextvars(request_id=context.request_id):
            yield
    finally:
        _current.reset(token)
        unbind_contextvars("session_id")


def asked_by(session_id: str) -> None:
    """Have every line that is logged from here on, in this request, name the session. Its id opens nothing."""
    bind_contextvars(session_id=session_id)


def client_ip(peer: str | None, forwarded_for: str) -> str | None:
    """Return the client's address: the peer's, or what the nearest PROXY_COUNT proxies say (K-45).

    `X-Forwarded-For` grows to the right, so with n proxies the n-th entry from the right is the first one that
    a proxy of ours wrote. Everything left of it is the client's own invention. What is no address is None.
    """
    candidate = peer or ""
    if settings.PROXY_COUNT:
        hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
        if len(hops) >= settings.PROXY_COUNT:
            candidate = hops[-settings.PROXY_COUNT]
    try:
        return str(ip_address(candidate.partition("%")[0]))  # A zone means nothing elsewhere; the database refuses it.
    except ValueError:
        return None


class RequestContextMiddleware:
    """Number the request, remember where it came from, and say the number in `X-Request-Id`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        context = RequestContext(
            request_id=uuid.uuid4().hex[:16],
            ip=client_ip(request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR", "")),
            user_agent=request.META.get("HTTP_USER_AGENT", "")[:300],
        )
        with entered(context):
            response = self.get_response(request)
        response["X-Request-Id"] = context.request_id
        return response
