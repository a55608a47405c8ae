"""The general limits: per person for the signed-in, per address for everybody else (design.md section 8)."""

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from backend.common.shapes import principal_of
from backend.identity import limits

if TYPE_CHECKING:
    from rest_framework.views import APIView  # its class body loads this module through the settings


class GeneralLimit(BaseThrottle):
    """Counts each request, and tells clients how much of their limit is left.

    Passing it raises TooMany with the body and headers that clients know (S2-B27).
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        principal = principal_of(request)
        verdict = None
        if principal is not None:
            verdict = limits.share_for_person("user", principal.id)
        elif request.auth is None:
            verdict = limits.share_for_address("anonymous")
        if verdict is not None:
            limits.show(verdict, view)
        return True
