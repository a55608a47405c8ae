from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "backend.support"
    label = "support"

    def ready(self) -> None:
        from backend.realtime.events import register_renderer
        from backend.support.frames import FAMILY, render_chat_event

        register_renderer(FAMILY, render_chat_event)
