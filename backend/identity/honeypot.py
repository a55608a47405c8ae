"""A page that looks like Django's own admin site, and that nobody has any business on (K-39, E-S4-15).

It never authenticates. Every try is a security event with address, agent and path; neither the password nor the name
that was typed is kept: the name may be somebody's address, or a password in the wrong box. What is kept is a keyed hash
of it, by which equal names are recognised.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, re_path
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from backend.audit import services as audit
from backend.common.errors import TooMany
from backend.common.ratelimit import hashed
from backend.identity import limits

HOME = f"/{settings.ADMIN_HONEYPOT_URL}/"
SIGN_IN = f"{HOME}login/"


@csrf_exempt
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the form, and refuse whatever it is sent, from whatever page, in Django's own words."""
    if request.method == "POST":
        try:
            limits.take_for_address("honeypot")
        except TooMany as fault:
            headers = {"Retry-After": str(fault.retry_after_s)}
            return HttpResponse("Too Many Requests", status=429, content_type="text/plain", headers=headers)
        _note(request)
    wanted = request.POST.get("next") or request.GET.get("next") or HOME
    context = {"failed": request.method == "POST", "next": wanted, "username": request.POST.get("username", "")}
    return render(request, "honeypot/login.html", context)


@csrf_exempt
@never_cache
def lead_to_sign_in(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any other page of such a site asks to sign in first; what is posted to one is a try, too."""
    if request.method == "POST":
        return sign_in(request)
    target = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{SIGN_IN}?{target}")


def _note(request: HttpRequest) -> None:
    name = request.POST.get("username", "").strip().lower()
    audit.raise_security_event(
        event_type="SUSPICIOUS_ACTIVITY",
        severity="MEDIUM",
        description="Somebody tried to sign in on the page that only pretends to be an admin site.",
        metadata={
            "kind": "honeypot",
            "path": request.path[:200],
            "name_hash": hashed(name)[:16] if name else "",
        },
    )


urlpatterns = [
    path(SIGN_IN.removeprefix("/"), sign_in, name="honeypot"),
    re_path(rf"^{settings.ADMIN_HONEYPOT_URL}(?P<rest>|/.*)$", lead_to_sign_in),
]
