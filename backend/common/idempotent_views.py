"""`Idempotency-Key` at the doors: what views put around a POST that moves money."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from backend.common.idempotency import actor_of_key, actor_of_user, idempotent
from backend.common.rendering import RawJson
from backend.common.shapes import principal_of

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

View = Callable[..., Response]

# For `extend_schema(parameters=[...])` of the views below.
IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Names this request, for 30 days: sent again, it has no second effect and gets the first answer, "
    "marked `Idempotent-Replayed: true`. Another body under the same key is 422; while the first is at work, 409.",
)
IDEMPOTENCY_KEY_REQUIRED = OpenApiParameter(
    HEADER, str, OpenApiParameter.HEADER, required=True, description=IDEMPOTENCY_KEY.description
)


def idempotent_post(*, required: bool = False) -> Callable[[View], View]:
    """Return a decorator for a view's method: with a key, it and its rendering run once, in one unit of work.

    Without a key it runs as it is, or answers 400 where one is `required`. The view raises its refusals; what it
    returns is what a repeat gets.
    """

    def decorate(method: View) -> View:
        @wraps(method)
        def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = _key_of(request, required=required)
            if key is None:
                return method(view, request, *args, **kwargs)

            def make() -> tuple[int, Any]:
                response = method(view, request, *args, **kwargs)
                return response.status_code, response.data

            actor, route = _actor_of(request), _route_of(request)
            answer = idempotent(actor=actor, route=route, key=key, request_body=_body_of(request), make=make)
            headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
            return Response(RawJson(answer.body) if answer.body else None, status=answer.status, headers=headers)

        return once

    return decorate


def _key_of(request: Request, *, required: bool) -> str | None:
    key = request.headers.get(HEADER)
    if key is None and not required:
        return None
    if key is None or not _KEY.fullmatch(key):
        raise ValidationError({HEADER: ["Name the request by 1 to 255 printable characters without spaces."]})
    return key


def _actor_of(request: Request) -> str:
    principal = principal_of(request)
    if principal is not None:
        return actor_of_user(principal.id)
    prefix = getattr(request.auth, "prefix", None)
    if prefix is None:
        raise TypeError("only people and API keys name their requests")
    return actor_of_key(prefix)


def _route_of(request: Request) -> str:
    """The pattern, the same for both places at which a partner's routes are mounted."""
    match = request.resolver_match
    return f"{request.method} {match.route.removeprefix('api/') if match is not None else request.path}"[:200]


def _body_of(request: Request) -> dict[str, Any]:
    """What was asked for: of which thing, how narrowed, with which fields."""
    data = request.data
    return {
        "path": request.path.removeprefix("/api"),
        "query": sorted((name, values) for name, values in request.query_params.lists()),
        "data": dict(data.lists()) if isinstance(data, QueryDict) else data,
    }
