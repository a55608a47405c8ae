"""Coming in and going out: the password, the second factor where it is demanded, the way back."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import rotate_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.debug import sensitive_post_parameters

from backend.common import problems
from backend.common.errors import DomainError, TooMany
from backend.console.answers import secured
from backend.console.pages import Page, bearer_of, shell_of
from backend.console.places import is_admitted, lacks_factor, places_of
from backend.identity import browsers
from backend.identity.authentication import DEVICE_COOKIE
from backend.identity.errors import OtpInvalid, OtpRequired, TokenRefused
from backend.identity.models import User
from backend.identity.pictures import qr_svg
from backend.identity.principals import principal_of
from backend.identity.services import sessions, signing_in, two_factor

DOOR = "console"


class SignInForm(forms.Form):
    email = forms.CharField(label=_("E-mail"), max_length=255)
    password = forms.CharField(label=_("Password"), max_length=1024, strip=False)
    otp = forms.CharField(label=_("Code"), max_length=64, required=False)


@method_decorator(sensitive_post_parameters("password", "otp"), name="dispatch")
class SignIn(View):
    """E-mail and password, and the code of whoever enrolled; by the same service as every door."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return secured(super().dispatch(request, *args, **kwargs), request)

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            principal, renewed = bearer_of(request)
        except TokenRefused:
            return self._form(request, SignInForm())
        if not is_admitted(principal, places_of(principal)):
            return self._form(request, SignInForm())
        response = HttpResponseRedirect(next_of(request))
        if renewed is not None:
            browsers.give_tokens(response, renewed)
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SignInForm(request.POST)
        if not form.is_valid():
            return self._form(request, form, 400)
        given = form.cleaned_data
        try:
            signed_in = signing_in.sign_in(
                identifier=given["email"],
                password=given["password"],
                door=DOOR,
                platform="console",
                device_token=request.COOKIES.get(DEVICE_COOKIE, ""),
                otp=given["otp"],
                admits=_is_for,
            )
        except DomainError as fault:
            asks_code = isinstance(fault, OtpRequired | OtpInvalid)
            words = _("Enter the code of your authenticator app, or a recovery code.")
            form.add_error(None, words if isinstance(fault, OtpRequired) else fault.detail)
            response = self._form(request, form, problems.status_of(fault), asks_code=asks_code)
            if isinstance(fault, TooMany):
                response["Retry-After"] = str(fault.retry_after_s)
            return response
        rotate_token(request)
        response = HttpResponseRedirect(next_of(request))
        browsers.give_tokens(response, signed_in.tokens)
        browsers.remember_device(response, signed_in.device_token)
        return response

    def _form(self, request: HttpRequest, form: forms.Form, status: int = 200, **more: Any) -> HttpResponse:
        context = {**shell_of(request), "form": form, "next": next_of(request), **more}
        return render(request, "console/sign_in.html", context, status=status)


class SignOut(View):
    """End the session that the cookies are of, expired or not, and delete them."""

    def post(self, request: HttpRequest) -> HttpResponseBase:
        claims = browsers.session_of(request)
        if claims is not None:
            sessions.end_session(user_id=claims.user_id, sid=claims.sid, reason="sign_out")
        response = HttpResponseRedirect(reverse("console:sign_in"))
        browsers.take_tokens(response)
        return secured(response, request)


@method_decorator(sensitive_post_parameters("password", "otp"), name="dispatch")
class SecondFactor(Page):
    """Enrol, for whoever must show a second factor and has none. A new session begins, opened with a code."""

    needs_factor = False

    def get(self, request: HttpRequest) -> HttpResponse:
        if not lacks_factor(self.principal):
            return HttpResponseRedirect(next_of(request))
        return self._show()

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            if request.POST.get("step") == "confirm":
                return self._confirmed(request)
            made = two_factor.enrol(
                actor=self.principal, password=request.POST.get("password", ""), device_token=self._device()
            )
        except DomainError as fault:
            stage = "confirm" if request.POST.get("step") == "confirm" else ""
            return self._show(problems.status_of(fault), fault=fault, stage=stage)
        picture = mark_safe(qr_svg(made.otpauth_uri))  # noqa: S308 - drawn by us, of digits and squares
        return self._show(stage="confirm", secret=made.secret, picture=picture)

    def _confirmed(self, request: HttpRequest) -> HttpResponse:
        codes = two_factor.confirm(actor=self.principal, otp=request.POST.get("otp", ""), device_token=self._device())
        user = User.objects.get(pk=self.principal.id)
        pair = sessions.open_session(user=user, door=DOOR, platform="console")
        sessions.end_session(user_id=self.principal.id, sid=self.principal.sid, reason="second_factor")
        response = self._show(stage="codes", codes=codes)
        browsers.give_tokens(response, pair)
        return response

    def _device(self) -> str:
        return self.request.COOKIES.get(DEVICE_COOKIE, "")

    def _show(self, status: int = 200, **context: Any) -> HttpResponse:
        enrolled = two_factor.get_status(actor=self.principal).enabled
        context = {"next": next_of(self.request), "is_enrolled": enrolled, **context}
        return self.show("second_factor.html", status, **context)


def _is_for(user: User) -> bool:
    principal = principal_of(user)
    return is_admitted(principal, places_of(principal))


def next_of(request: HttpRequest) -> str:
    """Return where the person wanted to go, if that is in the console."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    home = reverse("console:home")
    fits = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if fits and wanted.startswith(home) and not wanted.startswith(reverse("console:sign_in")) else home
