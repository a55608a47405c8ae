"""The admin site (K-39): who gets in, with which factor, and the pages that belong to no model.

With `STAFF_TOTP_REQUIRED` a password opens nothing but the page that asks for the second factor, or leads to enrolling.
"""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import path, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from backend.identity.adminsite.factor_page import FactorPage
from backend.identity.adminsite.forms import OwnPassword, StaffSignIn
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.identity.services import factors


class EaseSite(AdminSite):
    site_header = site_title = "Ease"
    index_title = "Overview"
    site_url = "/"
    login_form = StaffSignIn
    login_template = "adminsite/login.html"
    index_template = "adminsite/index.html"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the site is open: active staff, with the second factor where it is demanded.

        Notes who it is in `request.principal`, for the pages (common/adminpages.py).
        """
        if not _is_staff(request):
            return False
        if not hasattr(request, "principal"):
            request.principal = principal_of(request.user)  # type: ignore[attr-defined, arg-type]
        return not needs_factor(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask for the password; whoever has shown it and lacks the factor is led to its page."""
        if request.method == "GET" and _is_staff(request) and needs_factor(request):
            target = urlencode({"next": self.next_of(request)})
            return HttpResponseRedirect(f"{reverse('admin:two_factor')}?{target}")
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own: list[URLPattern | URLResolver] = [path("two-factor/", self.two_factor, name="two_factor")]
        return own + super().get_urls()

    @method_decorator([never_cache, csrf_protect, sensitive_post_parameters()])
    def two_factor(self, request: HttpRequest) -> HttpResponseBase:
        """Enrol, show a code, or look after what is enrolled: for all staff, also before the site is open to them."""
        if not _is_staff(request):
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        return FactorPage(self, request).answer()

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        view = PasswordChangeView.as_view(
            form_class=OwnPassword,
            success_url=reverse("admin:password_change_done"),
            template_name="registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    def next_of(self, request: HttpRequest) -> str:
        """Return where the person wanted to go, if that is on this site."""
        wanted = request.POST.get("next") or request.GET.get("next") or ""
        fits = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
        return wanted if fits and wanted != reverse("admin:two_factor") else reverse("admin:index")


def needs_factor(request: HttpRequest) -> bool:
    """Whether this session has to show a second factor, or to enrol one, before the site is open."""
    user: Any = request.user
    return factors.must_enrol(user) and not user.is_verified()


def _is_staff(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.is_staff
