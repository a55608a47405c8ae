"""`/`: what this is, and every route group, read from the routes themselves so that it is always true (K-42)."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common.shapes import Public

DOCUMENTS = {
    "openapi_json": "/swagger.json",
    "openapi_yaml": "/swagger.yaml",
    "swagger_ui": "/api/docs/",
    "redoc": "/api/redoc/",
}


ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1f7a8c"/>'
    '<path d="M9 10h14M9 16h10M9 22h14" stroke="#fff" stroke-width="3" stroke-linecap="round"/></svg>'
)


def icon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for beside any page."""
    headers = {"Cache-Control": "public, max-age=604800"}
    return HttpResponse(ICON, content_type="image/svg+xml", headers=headers)


class Index(APIView):
    """The route groups of the API: as JSON, and as a page for a browser, which asks for HTML first."""

    authentication_classes = Public
    permission_classes = [AllowAny]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Any:
        body = {"name": "Ease", "schema": "/api/schema/", "documents": DOCUMENTS, "groups": _groups()}
        if request.headers.get("Accept", "").startswith("text/html") and "format" not in request.query_params:
            answer = render(request._request, "index.html", body)
        else:
            answer = Response(body)
        answer["Vary"] = "Accept"
        return answer


@cache
def _groups() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for route in _routes(get_resolver().url_patterns):
        if route.startswith("api/"):
            groups.setdefault(route.split("/")[1], []).append("/" + route)
    return groups


def _routes(patterns: list[Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += _routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            found.append(prefix + str(pattern.pattern))
    return found
