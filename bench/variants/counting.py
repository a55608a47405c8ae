"""How many queries a request made, for requests that ask with `X-Count-Queries`."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse


class CountQueries:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "HTTP_X_COUNT_QUERIES" not in request.META:
            return self.get_response(request)
        made: list[str] = []

        def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            made.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(note):
            response = self.get_response(request)
        response["X-Queries"] = str(len(made))
        return response
