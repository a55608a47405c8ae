from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    name = "backend.realtime"
    label = "realtime"

    def ready(self) -> None:
        from backend.common import metrics
        from backend.common.unit_of_work import register_appender
        from backend.realtime.services import append_and_ring
        from backend.realtime.watching import tell

        register_appender(append_and_ring)
        metrics.counted(tell)
