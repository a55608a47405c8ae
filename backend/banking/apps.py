from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "backend.banking"
    label = "banking"

    def ready(self) -> None:
        from backend.banking.core_hooks import register_core
        from backend.banking.manager_hooks import register_manager
        from backend.banking.partner_hooks import register_partner
        from backend.banking.scoring_hooks import register_scoring

        register_core()
        register_manager()
        register_partner()
        register_scoring()
