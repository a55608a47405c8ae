from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "backend.notifications"
    label = "notifications"

    def ready(self) -> None:
        from backend.common import examples, hooks, jobs
        from backend.notifications import tasks
        from backend.notifications.examples import EXAMPLES
        from backend.notifications.services import export_inbox, tell_auditors
        from backend.notifications.services.deliveries import keep_for_delivery
        from backend.notifications.services.inbox import forget_person

        examples.register(EXAMPLES)
        hooks.person_exported.register(export_inbox)
        hooks.trail_broken.register(tell_auditors)
        hooks.events_appended.register(keep_for_delivery)
        hooks.person_erased.register(forget_person)
        jobs.every(15, tasks.deliver_due)
        jobs.every(86400, tasks.prune)
