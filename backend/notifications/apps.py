from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "backend.notifications"
    label = "notifications"

    def ready(self) -> None:
        from backend.common import hooks
        from backend.notifications.services import export_inbox, tell_auditors

        hooks.person_exported.register(export_inbox)
        hooks.trail_broken.register(tell_auditors)
