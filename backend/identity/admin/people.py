"""People on the admin site (S0-O8, S3-O12): found, made, changed, and helped when they are locked out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from backend.common.adminpages import ThroughServices, acting, each
from backend.identity.models import TotpDevice, User
from backend.identity.services import desk, users

FLAGS = ("is_active", "is_staff", "is_superuser")
# Pages about one person: the words, the model, and the filter that finds the person's rows there.
ABOUT = (
    ("Roles", "identity_userrole", "user__id__exact"),
    ("Sessions", "identity_session", "user__id__exact"),
    ("Sign-ins", "identity_loginlog", "user__id__exact"),
    ("Security events", "audit_securityevent", "user_id"),
    ("What they did", "audit_auditlog", "actor_id"),
)


class NewUser(forms.ModelForm):
    """Somebody new, with a first password that was typed twice."""

    password1 = forms.CharField(label="Password", strip=False, widget=forms.PasswordInput)
    password2 = forms.CharField(label="Password again", strip=False, widget=forms.PasswordInput)

    class Meta:
        model = User
        fields = ["email", "name", "first_name", "last_name", *FLAGS]

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        first, second = given.get("password1"), given.get("password2")
        if first and second and first != second:
            self.add_error("password2", "The two passwords differ.")
        return given

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Fills the instance, which the password must not resemble.
        password = self.cleaned_data.get("password1")
        if password:
            try:
                validate_password(password, self.instance)
            except forms.ValidationError as fault:
                self.add_error("password1", fault)


@admin.register(User)
class UserAdmin(ThroughServices):
    """Who somebody is and what their flags are. KYC state, risk and password change where their rules are."""

    list_display = ["email", "username", "first_name", "name", "is_active", "is_staff", "second_factor", "date_joined"]
    list_filter = ["is_active", "is_staff", "is_superuser", "kyc_status", "date_joined"]
    search_fields = ["email", "username", "first_name", "last_name", "=customer_id"]
    search_help_text = "An e-mail address, a name, or a customer number."
    ordering = ["date_joined", "id"]
    actions = ["unlock", "sign_out_everywhere", "switch_second_factor_off"]
    readonly_fields = (
        *("username", "phone_number", "customer_id", "kyc_status", "risk_profile", "is_account_verified"),
        *("last_login", "last_login_ip", "date_joined", "updated_at", "second_factor", "more"),
    )
    fieldsets = (
        (None, {"fields": ("email", "username", "more")}),
        ("Info", {"fields": ("first_name", "last_name", "name", "phone_number", "customer_id")}),
        ("Permissions", {"fields": FLAGS}),
        ("Bank", {"fields": ("kyc_status", "risk_profile", "is_account_verified")}),
        ("Sign-in", {"fields": ("second_factor", "last_login", "last_login_ip", "date_joined", "updated_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "password1", "password2")}),
        ("Info", {"fields": ("name", "first_name", "last_name")}),
        ("Permissions", {"fields": FLAGS}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        device = TotpDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        return super().get_queryset(request).annotate(has_device=Exists(device))

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else ()

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **(kwargs if obj else {**kwargs, "form": NewUser}))

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        actor, given = acting(request), form.cleaned_data
        if change:
            changes = {name: given[name] for name in form.changed_data}
            if changes:
                users.update_user(actor=actor, user_id=obj.pk, changes=changes)
            return
        names = {name: given[name] for name in ("first_name", "last_name", *FLAGS)}
        made = users.create_user(actor=actor, email=given["email"], password=given["password1"], **names)
        if given["name"]:
            users.update_user(actor=actor, user_id=made.pk, changes={"name": given["name"]})
        obj.pk = made.pk

    @admin.display(description="Second factor", boolean=True, ordering="has_device")
    def second_factor(self, user: Any) -> bool:
        return bool(user.has_device)

    @admin.display(description="More about them")
    def more(self, user: User) -> SafeString:
        links = ((f"{reverse(f'admin:{page}_changelist')}?{find}={user.pk}", words) for words, page, find in ABOUT)
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    def has_help_permission(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)

    @admin.action(description="Lift the lock of failed sign-ins", permissions=["help"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        actor = acting(request)
        each(self, request, queryset, lambda user: desk.unlock(actor=actor, user_id=user.pk), "Unlocked")

    @admin.action(description="Sign out everywhere", permissions=["help"])
    def sign_out_everywhere(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        actor = acting(request)
        each(self, request, queryset, lambda user: desk.sign_out(actor=actor, user_id=user.pk), "Signed out")

    @admin.action(description="Switch the second factor off (phone and codes are lost)", permissions=["help"])
    def switch_second_factor_off(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        actor = acting(request)

        def act(user: User) -> None:
            desk.switch_second_factor_off(actor=actor, user_id=user.pk)

        each(self, request, queryset, act, "Switched off")


def acting_user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - the site lets nobody else in
    return user
