from django.apps import AppConfig


class AssistantConfig(AppConfig):
    name = "backend.assistant"
    label = "assistant"

    def ready(self) -> None:
        from backend.assistant import tasks, watching
        from backend.assistant.dialogue import client_module, is_on
        from backend.assistant.examples import EXAMPLES
        from backend.assistant.process import answer_who_waits
        from backend.assistant.services.persons import erase_use, export_use
        from backend.common import examples, hooks, jobs, metrics
        from backend.realtime import runtime

        examples.register(EXAMPLES)
        hooks.person_exported.register(export_use)
        hooks.person_erased.register(erase_use)
        jobs.every(86400, tasks.prune)
        runtime.on_start(answer_who_waits)
        metrics.asked("assistant", watching.tell)
        if is_on():
            client_module()
