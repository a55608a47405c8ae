from django.contrib.admin.apps import AdminConfig


class SiteConfig(AdminConfig):
    """Django's admin with our site in place of its own."""

    default_site = "backend.identity.adminsite.site.EaseSite"
