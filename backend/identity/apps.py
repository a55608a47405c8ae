from django.apps import AppConfig

DAY_S = 24 * 3600


class IdentityConfig(AppConfig):
    name = "backend.identity"
    label = "identity"

    def ready(self) -> None:
        from backend.common import jobs
        from backend.identity import schema, tasks  # noqa: F401 - schema registers itself with drf-spectacular
        from backend.identity.selectors import addressee_of
        from backend.identity.sockets import follow_sessions
        from backend.notifications.services import deliveries
        from backend.realtime import runtime

        deliveries.set_address_book(addressee_of)
        runtime.on_start(follow_sessions)
        jobs.every(DAY_S, tasks.prune)
