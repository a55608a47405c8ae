from django.apps import AppConfig


class BudgetConfig(AppConfig):
    name = "backend.budget"
    label = "budget"
