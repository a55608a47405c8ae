"""The API's documents at every address that the older systems had (K-41): the OpenAPI document, Swagger UI, ReDoc.

`SWAGGER_PERMISSIONS` says for whom (S4-R14). Scripts and styles come from this server: no page asks anybody else. The
document is the same for everybody and is made once in each process.
"""

import hashlib
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.identity.permissions import IsStaff

ONLY_US = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"
)


class MayRead(BasePermission):
    """Everybody, whoever is signed in, or staff."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needs: dict[str, type[BasePermission]] = {"Authenticated": IsAuthenticated, "Admin": IsStaff}
        need = needs.get(settings.SWAGGER_PERMISSIONS)
        return need is None or need().has_permission(request, view)


class Guarded(APIView):
    permission_classes = [MayRead]

    def get_authenticators(self) -> list[Any]:
        """Where everybody may read, a cookie that has expired must not turn a page into a 401."""
        return [] if settings.SWAGGER_PERMISSIONS == "Any" else super().get_authenticators()


class Schema(Guarded):
    """The OpenAPI document, as YAML or, by `Accept` or `?format=json`, as JSON."""

    renderer_classes = [OpenApiYamlRenderer, OpenApiYamlRenderer2, OpenApiJsonRenderer, OpenApiJsonRenderer2]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        asked = request.query_params.get("format")
        found = [one for one in self.renderer_classes if one.format == asked]
        renderer = found[0] if found else type(request.accepted_renderer)
        body, etag = written(str(renderer.format))
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("If-None-Match") == etag:
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(body, content_type=renderer.media_type, headers=headers)


class JsonSchema(Schema):
    renderer_classes = [OpenApiJsonRenderer]


class YamlSchema(Schema):
    renderer_classes = [OpenApiYamlRenderer]


class Ours(Guarded):
    """A page whose browser is told to ask nobody but this server: ReDoc would fetch its maker's logo."""

    def finalize_response(self, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(*args, **kwargs)
        response["Content-Security-Policy"] = ONLY_US
        return response


class SwaggerUi(Ours, SpectacularSwaggerView):
    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class Redoc(Ours, SpectacularRedocView):
    template_name = "redoc.html"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


@cache
def written(form: str) -> tuple[bytes, str]:
    """Return the document as `json` or `yaml`, and a name for exactly this version of it."""
    renderer = OpenApiJsonRenderer() if form == OpenApiJsonRenderer.format else OpenApiYamlRenderer()
    body: bytes = renderer.render(_document(), renderer_context={})
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


@cache
def _document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


urlpatterns = [
    path("api/schema/", Schema.as_view(), name="schema"),
    path("swagger.json", JsonSchema.as_view()),
    path("swagger.yaml", YamlSchema.as_view()),
    *(path(route, SwaggerUi.as_view()) for route in ("api/docs/", "api/docs/swagger/", "swagger/")),
    *(path(route, Redoc.as_view()) for route in ("api/redoc/", "redoc/")),
]
