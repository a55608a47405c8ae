"""How the OpenAPI document describes our credentials."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "backend.identity.authentication.TokenAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token. The word `Token` instead of `Bearer` is understood too.",
        }


class CookieScheme(OpenApiAuthenticationExtension):
    target_class = "backend.identity.authentication.CookieAuthentication"
    name = "cookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "accessToken",
            "description": "The HttpOnly cookie of `POST /api/login/`; unsafe methods need `X-CSRFToken` too.",
        }
