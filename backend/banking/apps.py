from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "backend.banking"
    label = "banking"

    def ready(self) -> None:
        from backend.banking import core_hooks

        core_hooks.register_core()
