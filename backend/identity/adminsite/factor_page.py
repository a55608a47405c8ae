"""The admin site's page about one's second factor. What it does is done by the services behind `/api/auth/2fa/…`."""

from typing import TYPE_CHECKING, Any

import django_otp
from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from backend.common.errors import DomainError
from backend.identity.adminsite.forms import CodeStep, PasswordStep
from backend.identity.authentication import DEVICE_COOKIE
from backend.identity.models import User
from backend.identity.pictures import qr_svg
from backend.identity.principals import principal_of
from backend.identity.services import factors, proofs, step_up, two_factor

if TYPE_CHECKING:
    from backend.identity.adminsite.site import EaseSite


class FactorPage:
    """One request to the page. `step` in the form says which of its buttons was pressed."""

    def __init__(self, site: "EaseSite", request: HttpRequest) -> None:
        self.site, self.request = site, request
        self.user: User = request.user  # type: ignore[assignment]
        self.actor = principal_of(self.user, sid=f"admin:{request.session.session_key}")
        self.device_token = request.COOKIES.get(DEVICE_COOKIE, "")

    def answer(self) -> HttpResponse:
        steps = {
            "password": self._enrol,
            "confirm": self._confirm,
            "verify": self._verify,
            two_factor.RENEW_CODES: self._renew_codes,
            two_factor.DISABLE: self._disable,
        }
        step = steps.get(self.request.POST.get("step", "")) if self.request.method == "POST" else None
        if step is None:
            return self._show()
        form = (PasswordStep if step == self._enrol else CodeStep)(self.request.POST)
        if not form.is_valid():
            return self._show(form=form)
        try:
            return step(form)
        except DomainError as fault:
            form.add_error(None, fault.detail)
            return self._show(form=form)

    def _enrol(self, form: forms.Form) -> HttpResponse:
        made = two_factor.enrol(
            actor=self.actor, password=form.cleaned_data["password"], device_token=self.device_token
        )
        return self._show(stage="scan", secret=made.secret, picture=qr_svg(made.otpauth_uri))

    def _confirm(self, form: forms.Form) -> HttpResponse:
        codes = two_factor.confirm(actor=self.actor, otp=form.cleaned_data["otp"], device_token=self.device_token)
        self._note_verified()
        return self._show(stage="codes", codes=codes)

    def _verify(self, form: forms.Form) -> HttpResponse:
        self._prove(form)
        self._note_verified()
        return HttpResponseRedirect(self.site.next_of(self.request))

    def _renew_codes(self, form: forms.Form) -> HttpResponse:
        token = self._step_up(form, two_factor.RENEW_CODES)
        return self._show(stage="codes", codes=two_factor.renew_recovery_codes(actor=self.actor, step_up_token=token))

    def _disable(self, form: forms.Form) -> HttpResponse:
        two_factor.disable(actor=self.actor, step_up_token=self._step_up(form, two_factor.DISABLE))
        return HttpResponseRedirect(self.request.path)

    def _step_up(self, form: forms.Form, action: str) -> str:
        return step_up.issue(
            actor=self.actor,
            action=action,
            parameters={},
            otp=form.cleaned_data["otp"],
            device_token=self.device_token,
        )

    def _prove(self, form: forms.Form) -> None:
        proofs.prove(user=self.user, otp=form.cleaned_data["otp"], device_token=self.device_token)

    def _note_verified(self) -> None:
        """From now on this browser's session counts as shown, for as long as this app counts (django-otp)."""
        django_otp.login(self.request, factors.find_device(self.user.pk))

    def _show(self, *, stage: str = "", form: forms.Form | None = None, **more: Any) -> HttpResponse:
        status = two_factor.get_status(actor=self.actor)
        verified = self.request.user.is_verified()  # type: ignore[union-attr]
        confirming = self.request.POST.get("step") in {"password", "confirm"} and not status.enabled
        waits = isinstance(form, CodeStep) and confirming
        context = {
            **self.site.each_context(self.request),
            "title": "Second factor",
            "stage": stage or ("scan" if waits else "manage" if status.enabled and verified else ""),
            "status": status,
            "form": form,
            "is_required": factors.must_enrol(self.user),
            "is_open": self.site.has_permission(self.request),
            "next": self.site.next_of(self.request),
            "renew": two_factor.RENEW_CODES,
            "disable": two_factor.DISABLE,
            **more,
        }
        return TemplateResponse(self.request, "adminsite/two_factor.html", context)
