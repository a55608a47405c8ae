from django.apps import AppConfig


DAY_S = 24 * 3600


class IdentityConfig(AppConfig):
    name = "backend.identity"
    label = "identity"

    def ready(self) -> None:
        from backend.common import jobs
        from backend.identity import (
            schema,  # noqa: F401 - registers itself with drf-spectacular
            tasks,
        )
        from backend.identity.sockets import follow_sessions
        from backend.realtime import runtime

        runtime.on_start(follow_sessions)
        jobs.every(DAY_S, tasks.prune)
