from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "backend.banking"
    label = "banking"
