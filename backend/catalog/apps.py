from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "backend.catalog"
    label = "catalog"

    def ready(self) -> None:
        from backend.catalog.services.persons import erase_from_catalog, export_catalog
        from backend.common import hooks

        hooks.person_exported.register(export_catalog)
        hooks.person_erased.register(erase_from_catalog)
