from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "backend.catalog"
    label = "catalog"

    def ready(self) -> None:
        from backend.catalog.examples import EXAMPLES
        from backend.catalog.services.demo import load_demo
        from backend.catalog.services.persons import erase_from_catalog, export_catalog
        from backend.common import examples, hooks

        examples.register(EXAMPLES)
        hooks.demo_loaded.register(load_demo)
        hooks.person_exported.register(export_catalog)
        hooks.person_erased.register(erase_from_catalog)
