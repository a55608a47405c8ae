from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "backend.audit"
    label = "audit"

    def ready(self) -> None:
        from backend.audit.services import note_denial
        from backend.common import hooks

        hooks.access_denied.register(note_denial)
