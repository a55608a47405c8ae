from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "backend.banking"
    label = "banking"

    def ready(self) -> None:
        from backend.banking.manager_hooks import register_manager

        register_manager()
