"""The admin site's forms: how staff get in, and their own password."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth import authenticate

from backend.identity.errors import OtpInvalid, OtpRequired
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.services import accounts

CODE = forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "text", "autocapitalize": "off"})


class StaffSignIn(AdminAuthenticationForm):
    """E-mail, password, and the code of whoever has enrolled; by the same service as every door."""

    otp = forms.CharField(label="Code", max_length=64, required=False, widget=CODE)

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "otp_required": "Enter the code of your authenticator app, or a recovery code, too.",
        "otp_invalid": OtpInvalid.detail,
    }

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("username") is None or not given.get("password"):
            return given
        try:
            self.user_cache = authenticate(
                self.request, username=given["username"], password=given["password"], otp=given.get("otp", "")
            )
        except (OtpRequired, OtpInvalid) as fault:
            raise forms.ValidationError(self.error_messages[fault.code], code=fault.code) from fault
        if self.user_cache is None:
            raise self.get_invalid_login_error()
        self.confirm_login_allowed(self.user_cache)
        return given


class OwnPassword(AdminPasswordChangeForm):
    """Changing one's own password ends every session of the doors, and is audited, as everywhere."""

    def save(self, commit: bool = True) -> User:
        accounts.change_password(
            actor=principal_of(self.user),
            current_password=self.cleaned_data["old_password"],
            new_password=self.cleaned_data["new_password1"],
        )
        self.user.refresh_from_db()
        return self.user


class PasswordStep(forms.Form):
    password = forms.CharField(label="Your password", strip=False, max_length=1024, widget=forms.PasswordInput)


class CodeStep(forms.Form):
    otp = forms.CharField(label="Code", max_length=64, widget=CODE)
