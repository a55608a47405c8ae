from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "backend.audit"
    label = "audit"

    def ready(self) -> None:
        from django.conf import settings

        from backend.audit import tasks
        from backend.audit.carrying import register_backups
        from backend.audit.checkups import trail
        from backend.audit.selectors import export_security_events, export_trail
        from backend.audit.services import note_denial
        from backend.audit.services.erasing import erase_details
        from backend.audit.watching import tell
        from backend.common import checkups, hooks, jobs, metrics

        hooks.access_denied.register(note_denial)
        hooks.person_erased.register(erase_details)
        hooks.person_exported.register(export_trail)
        hooks.person_exported.register(export_security_events)
        metrics.asked("audit", tell)
        register_backups()
        checkups.examine("audit trail", trail)
        jobs.every(settings.AUDIT_SEAL_SECONDS, tasks.seal)
        jobs.every(settings.AUDIT_PATROL_SECONDS, tasks.patrol)
