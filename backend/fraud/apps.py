from django.apps import AppConfig


class FraudConfig(AppConfig):
    name = "backend.fraud"
    label = "fraud"
