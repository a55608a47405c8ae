"""Routes that fail in every way, for test_problems.py."""

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.common import errors


class OddConflict(errors.Conflict):
    code = "odd.conflict"
    detail = "Somebody was faster."


FAULTS: dict[str, Exception] = {
    "not-found": errors.NotFound(),
    "forbidden": errors.Forbidden("Not yours."),
    "conflict": errors.Conflict(),
    "rule": errors.RuleViolation("Too much.", limit="10.00", left=3),
    "unauthenticated": errors.Unauthenticated(),
    "unavailable": errors.Unavailable(),
    "subclass": OddConflict(),
    "of-no-kind": errors.DomainError(),
    "http404": Http404(),
    "permission-denied": PermissionDenied(),
    "throttled": Throttled(wait=7),
    "django-validation": DjangoValidationError({"iban": ["Wrong length."]}),
    "django-validation-whole": DjangoValidationError("These two do not go together."),
    "crash": ZeroDivisionError("secret inside"),
}
written: list[str] = []


class Raising(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def get(self, request: Request, name: str) -> Response:
        raise FAULTS[name]


class Shapes(APIView):
    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    class ShapesIn(serializers.Serializer[Any]):
        name = serializers.CharField(max_length=5)
        amounts = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)

    def post(self, request: Request) -> Response:
        given = self.ShapesIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(given.validated_data)


class LosesTheDatabase(APIView):
    """Writes, as far as it knows, and then finds its connection cut."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        written.append("once")
        connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return Response({})

    def put(self, request: Request) -> Response:
        connection.ensure_connection()
        connection.connection.close()
        connection.cursor()
        return Response({})

    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return Response({"found": cursor.fetchone()[0]})

    def delete(self, request: Request) -> Response:
        connection.cursor().execute("SELEC 1")
        return Response({})


class NeedsALock(APIView):
    """Waits no longer than a moment for what others hold."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    def post(self, request: Request) -> Response:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 1")
            cursor.execute("UPDATE identity_role SET description = 'touched'")
        return Response({})


def plain(request: HttpRequest, name: str) -> HttpResponse:
    """A Django view, which DRF's handler never sees."""
    raise {"suspicious": SuspiciousOperation("inside"), "denied": PermissionDenied("inside")}[name]


urlpatterns = [
    path("raise/<str:name>/", Raising.as_view()),
    path("shapes/", Shapes.as_view()),
    path("database/", LosesTheDatabase.as_view()),
    path("lock/", NeedsALock.as_view()),
    path("plain/<str:name>/", plain),
]

handler400 = "backend.common.problems.bad_request"
handler403 = "backend.common.problems.forbidden"
handler404 = "backend.common.problems.not_found"
handler500 = "backend.common.problems.server_error"
