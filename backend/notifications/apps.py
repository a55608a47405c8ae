from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "backend.notifications"
    label = "notifications"

    def ready(self) -> None:
        from backend.common import hooks
        from backend.notifications.services import tell_auditors

        hooks.trail_broken.register(tell_auditors)
