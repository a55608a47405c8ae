from django.apps import AppConfig

EXPIRE_S = 3600


class SupportConfig(AppConfig):
    name = "backend.support"
    label = "support"

    def ready(self) -> None:
        from backend.common import hooks, jobs
        from backend.realtime.events import register_renderer
        from backend.support import tasks
        from backend.support.frames import FAMILY, render_chat_event
        from backend.support.services.attachments import export_attachments
        from backend.support.services.erasures import erase_from_chats
        from backend.support.services.exports import export_chats
        from backend.support.services.transfers import return_to_queue

        register_renderer(FAMILY, render_chat_event)
        hooks.person_erased.register(erase_from_chats)
        hooks.person_exported.register(export_attachments)
        jobs.every(EXPIRE_S, tasks.expire_attachments)
        hooks.person_exported.register(export_chats)
        hooks.role_withdrawn.register(return_to_queue)
        jobs.every(tasks.WORDS_S, tasks.read_in_words)
