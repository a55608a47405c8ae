"""The base of every page: who asks, whether this place is theirs, and how a refusal looks.

The console's session is a session like any other (`door="console"`), kept in the HttpOnly cookies that the S0 door
uses: a page, its REST calls and its sockets are one person, and signing out or a withdrawn role ends all of them.
Django's CsrfViewMiddleware guards every unsafe method here.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views import View

from backend.common import problems
from backend.common.errors import DomainError, Forbidden, TooMany
from backend.common.principal import Principal
from backend.console import strings
from backend.console.answers import secured
from backend.console.places import Place, is_admitted, lacks_factor, places_of
from backend.identity import browsers, limits
from backend.identity.authentication import ACCESS_COOKIE, REFRESH_COOKIE
from backend.identity.errors import TokenRefused
from backend.identity.principals import principal_from_token
from backend.identity.services import sessions

THEMES = ("light", "dark")


class Page(View):
    """One page, or a part of one that htmx asks for. Views return responses and raise domain errors."""

    place: ClassVar[str] = ""  # of places.py: to whom it is open; "" to everybody who is admitted
    needs_factor: ClassVar[bool] = True
    principal: Principal
    places: Sequence[Place] = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            self.principal, renewed = bearer_of(request)
        except TokenRefused:
            return secured(self._elsewhere("console:sign_in"), request)
        response = self._answer(request, *args, **kwargs)
        if renewed is not None:
            browsers.give_tokens(response, renewed)
        return secured(response, request)

    def _answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            limits.share_for_person("user", self.principal.id)
            self.places = places_of(self.principal)
            if not is_admitted(self.principal, self.places):
                raise Forbidden
            if self.needs_factor and lacks_factor(self.principal):
                return self._elsewhere("console:second_factor")
            if self.place and self.place not in [place.name for place in self.places]:
                raise Forbidden
            return super().dispatch(request, *args, **kwargs)
        except DomainError as fault:
            return self.refusal(fault)

    # For subclasses

    def show(self, template: str, status: int = 200, **context: Any) -> HttpResponse:
        return render(self.request, f"console/{template}", context | shell_of(self.request, self), status=status)

    def refusal(self, fault: DomainError) -> HttpResponse:
        """Say what went wrong: to htmx as a note beside what is there, else as a page."""
        status = problems.status_of(fault)
        if self.request.htmx:  # type: ignore[attr-defined]
            response = render(self.request, "console/parts/refusal.html", {"fault": fault}, status=status)
            response["HX-Retarget"], response["HX-Reswap"] = "#refusals", "innerHTML"
        else:
            response = self.show("fault.html", status, fault=fault)
        if isinstance(fault, TooMany):
            response["Retry-After"] = str(fault.retry_after_s)
        return response

    def _elsewhere(self, name: str) -> HttpResponse:
        """Lead to another page and back again afterwards; htmx is told to take the whole page there."""
        htmx: Any = self.request.htmx  # type: ignore[attr-defined]
        back = (htmx.current_url_abs_path or reverse("console:home")) if htmx else self.request.get_full_path()
        if self.request.method != "GET" and not htmx:
            back = reverse("console:home")
        address = f"{reverse(name)}?{urlencode({'next': back})}"
        return HttpResponse(status=401, headers={"HX-Redirect": address}) if htmx else HttpResponseRedirect(address)


def bearer_of(request: HttpRequest) -> tuple[Principal, sessions.TokenPair | None]:
    """Return whose session the cookies are of, and new tokens where the old ones had run out. Raises: TokenRefused."""
    try:
        return principal_from_token(request.COOKIES.get(ACCESS_COOKIE, "")), None
    except TokenRefused:
        pair = sessions.refresh_session(refresh_token=request.COOKIES.get(REFRESH_COOKIE, ""))
        return principal_from_token(pair.access), pair


def shell_of(request: HttpRequest, page: Page | None = None) -> dict[str, Any]:
    """Return what the frame around every page shows."""
    theme = request.COOKIES.get("theme", "")
    me = getattr(page, "principal", None)
    return {
        "me": me,
        "places": page.places if page else (),
        "place": page.place if page else "",
        "theme": theme if theme in THEMES else "",
        "strings": strings.for_scripts(),
    }
