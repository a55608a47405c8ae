"""How the OpenAPI document describes our four kinds of credentials (K-41)."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema


class DocumentedView(AutoSchema):
    """drf-spectacular's description of a view, which says so where an API key is what opens it.

    A permission asks for the key, no authentication class; its scheme is in SPECTACULAR_SETTINGS. What a route is
    called in the documents is the first sentence about it.
    """

    def get_summary(self) -> str | None:
        given: str | None = super().get_summary()
        about: str = self.get_description() or ""
        return given or re.split(r"(?<=\w)[.:;](?:\s|$)|\n", about.strip())[0][:100].rstrip(".") or None

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Routes that are mounted twice say which of the two they are (`operation_suffix`)."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            operation["operationId"] += getattr(self.view, "operation_suffix", "")
        return operation

    def get_auth(self) -> list[dict[str, Any]]:
        if any(getattr(need, "is_for_api_keys", False) for need in self.view.get_permissions()):
            return [{"apiKey": []}]
        auth: list[dict[str, Any]] = super().get_auth()
        return [*auth, {"apiKey": []}] if getattr(self.view, "is_for_keys_too", False) else auth


class TokenScheme(OpenApiAuthenticationExtension):
    """One header, two kinds of token; either is enough."""

    target_class = "backend.identity.authentication.TokenAuthentication"
    name = ["bearer", "token"]  # noqa: RUF012 - the library's form

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [{"bearer": []}, {"token": []}]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token of `POST /api/users/login/` or `POST /api/auth/login/`.",
            },
            {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Token ` and the 40 hexadecimal characters of `POST /api/user/token/`.",
            },
        ]


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
