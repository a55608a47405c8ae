"""The one place where errors become HTTP answers.

Field errors keep DRF's shape `{"field": ["…"]}`; everything else is `{"detail", "code"}` plus what the error adds.
A crash answers 500 with a reference number and nothing else; the log line under that number has the rest.
"""

from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import exception_handler, set_rollback

from backend.common import errors, hooks, request_context
from backend.common.database import dropped, gave_way
from backend.common.shapes import principal_of

log = structlog.get_logger(__name__)

STATUSES: dict[type[errors.DomainError], int] = {
    errors.NotFound: 404,
    errors.Forbidden: 403,
    errors.Conflict: 409,
    errors.RuleViolation: 422,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.TooMany: 429,
    errors.Locked: 423,
    errors.Unavailable: 503,
}
RETRY_AFTER_SECONDS = 2


def status_of(fault: errors.DomainError) -> int:
    """Return the status of the nearest kind the error belongs to. An error of no kind is a bug: 500."""
    return next((STATUSES[kind] for kind in type(fault).__mro__ if kind in STATUSES), 500)


def body_of(fault: errors.DomainError) -> dict[str, Any]:
    return {"detail": fault.detail, "code": fault.code, **fault.extra}


def _note_denial(request: Request | None) -> None:
    principal = principal_of(request) if request is not None else None
    if principal is not None and request is not None:
        hooks.access_denied(hooks.Denial(principal.id, request.method or "", request.path))


def _headers_of(fault: errors.DomainError) -> dict[str, str]:
    if isinstance(fault, errors.TooMany):
        return {"Retry-After": str(fault.retry_after_s), **fault.headers}
    if isinstance(fault, errors.StillRunning):
        return {"Retry-After": str(fault.retry_after_s)}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if isinstance(fault, errors.Unavailable) else {}


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception that left a view (DRF's EXCEPTION_HANDLER). None lets Django make it a 500."""
    if isinstance(exc, DatabaseError | InterfaceError) and dropped(exc):
        log.warning("database.unreachable", fault=type(exc).__name__)
        exc = errors.Unavailable()
    elif gave_way(exc):
        log.warning("database.contended", fault=type(exc.__cause__).__name__)
        exc = errors.Unavailable()
    if isinstance(exc, errors.Forbidden | exceptions.PermissionDenied | PermissionDenied) and getattr(
        exc, "is_denial", True
    ):
        _note_denial(context.get("request"))
    if isinstance(exc, errors.DomainError):
        set_rollback()
        headers = _headers_of(exc)
        for name in headers.keys() & getattr(context.get("view"), "headers", {}).keys():
            del context["view"].headers[name]  # Of a wider limit, which was kept; this one was not.
        return Response(body_of(exc), status=status_of(exc), headers=headers)
    if isinstance(exc, DjangoValidationError):
        exc = exceptions.ValidationError(as_serializer_error(exc))
    response = exception_handler(exc, context)
    if response is not None and isinstance(response.data, dict) and "detail" in response.data:
        detail = response.data["detail"]
        response.data.setdefault("code", getattr(detail, "code", "error"))
    return response


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's handler500: a reference number for people, nothing about the inside."""
    reference = request_context.current().request_id
    return JsonResponse(
        {
            "detail": "Something went wrong on our side. Please try again; if it stays, name the reference.",
            "code": "server_error",
            "reference": reference,
        },
        status=500,
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Django's handler404, for addresses that no route has."""
    return JsonResponse({"detail": "Not found.", "code": "not_found"}, status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return JsonResponse({"detail": "The request was not understood.", "code": "bad_request"}, status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    return JsonResponse({"detail": "Access denied.", "code": "forbidden"}, status=403)
