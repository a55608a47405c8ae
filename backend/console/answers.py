"""What every answer of the console carries: a policy under which no foreign script runs and nobody frames it."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self' {sockets}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "manifest-src 'self'"
)


def secured(response: HttpResponseBase, request: HttpRequest) -> HttpResponseBase:
    """Put the policy on a page. Sockets are named with the host: not every browser counts them as `self`."""
    scheme = "wss" if request.is_secure() else "ws"
    response["Content-Security-Policy"] = _POLICY.format(sockets=f"{scheme}://{request.get_host()}")
    response["Cache-Control"] = "no-store"
    response["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=()"
    response["Referrer-Policy"] = "same-origin"
    return response
