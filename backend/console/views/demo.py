"""`/demo/`: what a mobile app does, in a browser. With demo data only; in production there is no such page."""

import json
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from backend.console import strings
from backend.console.answers import secured
from backend.console.pages import shell_of


class Demo(View):
    def get(self, request: HttpRequest) -> HttpResponseBase:
        if not settings.DEMO_PAGES:
            raise Http404
        return secured(
            render(
                request, "console/demo.html", {**shell_of(request), "strings": strings.for_demo(), "email": _customer()}
            ),
            request,
        )


def _customer() -> str:
    """Return the demo customer's address, if the demo data are loaded."""
    try:
        found: Any = json.loads(settings.DEMO_FILE.read_text())
        return str(found["accounts"]["customer"]["email"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
