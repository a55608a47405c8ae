"""Telling clients how much of their limit is left (S2-B27)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class RateLimitHeaders:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        verdict = getattr(request, "rate_verdict", None)
        if verdict is not None:
            for name, value in verdict.headers.items():
                response.headers.setdefault(name, value)
        return response
