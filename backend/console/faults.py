"""Django's fault handlers: a page for whoever is in the console, the API's JSON for everybody else."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from backend.common import problems, request_context
from backend.common.errors import DomainError, Forbidden, NotFound
from backend.console.answers import secured
from backend.console.pages import shell_of


class Crashed(DomainError):
    code = "server_error"


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return _shown(request, Forbidden(), 403) if _is_page(request) else problems.forbidden(request)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    return _shown(request, NotFound(), 404) if _is_page(request) else problems.not_found(request)


def server_error(request: HttpRequest) -> HttpResponseBase:
    if not _is_page(request):
        return problems.server_error(request)
    detail = _("Something went wrong on our side. Please try again; if it stays, name the reference.")
    return _shown(request, Crashed(detail), 500)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A form of another site, or of a page from before signing in: nothing was done."""
    if not _is_page(request):
        return problems.forbidden(request)
    detail = _("This form is no longer valid, so nothing was done. Load the page again and repeat it.")
    return _shown(request, Forbidden(detail), 403)


def _is_page(request: HttpRequest) -> bool:
    return request.path.startswith(("/console/", "/demo/"))


def _shown(request: HttpRequest, fault: DomainError, status: int) -> HttpResponseBase:
    reference = request_context.current().request_id
    context = {"fault": fault, "reference": reference if status == 500 else "", **shell_of(request)}
    if getattr(request, "htmx", False):
        response = render(request, "console/parts/refusal.html", context, status=status)
        response["HX-Retarget"], response["HX-Reswap"] = "#refusals", "innerHTML"
        return secured(response, request)
    return secured(render(request, "console/fault.html", context, status=status), request)
