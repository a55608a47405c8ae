from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "backend.banking"
    label = "banking"

    def ready(self) -> None:
        from backend.banking.core_hooks import register_core
        from backend.banking.lending_hooks import register_lending
        from backend.banking.load_hooks import register_loads
        from backend.banking.manager_hooks import register_manager
        from backend.banking.partner_hooks import register_partner
        from backend.banking.people_hooks import register_people
        from backend.banking.scoring_hooks import register_scoring

        register_core()
        register_manager()
        register_people()  # Before lending: its demo lends to the account that this one opens.
        register_lending()
        register_loads()
        register_partner()
        register_scoring()
