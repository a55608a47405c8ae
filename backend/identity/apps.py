from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "backend.identity"
    label = "identity"

    def ready(self) -> None:
        from backend.common import examples
        from backend.identity import schema  # noqa: F401 - registers itself with drf-spectacular
        from backend.identity.examples import EXAMPLES
        from backend.identity.sockets import follow_sessions
        from backend.realtime import runtime

        runtime.on_start(follow_sessions)
        examples.register(EXAMPLES)
