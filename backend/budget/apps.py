from django.apps import AppConfig


class BudgetConfig(AppConfig):
    name = "backend.budget"
    label = "budget"

    def ready(self) -> None:
        from backend.budget import tasks
        from backend.budget.examples import EXAMPLES
        from backend.budget.services.people import erase_book, export_book
        from backend.common import examples, hooks, jobs

        examples.register(EXAMPLES)
        hooks.person_exported.register(export_book)
        hooks.person_erased.register(erase_book)
        jobs.every(60, tasks.resume_imports)
        jobs.every(6 * 3600, tasks.purge)
