from django.apps import AppConfig

SWEEP_S = 600


class IdentityConfig(AppConfig):
    name = "backend.identity"
    label = "identity"

    def ready(self) -> None:
        from backend.common import examples, hooks, jobs
        from backend.identity import (
            schema,  # noqa: F401 - registers itself with drf-spectacular
            tasks,
        )
        from backend.identity.examples import EXAMPLES
        from backend.identity.services.own_data import export_identity
        from backend.identity.sockets import follow_sessions
        from backend.realtime import runtime

        runtime.on_start(follow_sessions)
        examples.register(EXAMPLES)
        hooks.person_exported.register(export_identity)
        jobs.every(SWEEP_S, tasks.sweep_exports)
        jobs.every(SWEEP_S, tasks.tell_on)
