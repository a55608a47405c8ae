from django.apps import AppConfig

SWEEP_S = 600
DAY_S = 24 * 3600


class IdentityConfig(AppConfig):
    name = "backend.identity"
    label = "identity"

    def ready(self) -> None:
        from backend.common import checkups, examples, hooks, jobs
        from backend.identity import schema, tasks  # noqa: F401 - schema registers itself with drf-spectacular
        from backend.identity.examples import EXAMPLES
        from backend.identity.selectors import addressee_of
        from backend.identity.services.own_data import export_identity
        from backend.identity.services.phones import record_device
        from backend.identity.sockets import follow_sessions
        from backend.notifications.services import deliveries
        from backend.realtime import runtime

        deliveries.set_address_book(addressee_of)
        checkups.uses_key("ENCRYPTION_KEY_OTP", "SELECT DISTINCT key_version FROM identity_totpdevice")
        runtime.on_start(follow_sessions)
        examples.register(EXAMPLES)
        hooks.person_exported.register(export_identity)
        hooks.device_changed.register(record_device)
        jobs.every(SWEEP_S, tasks.sweep_exports)
        jobs.every(SWEEP_S, tasks.tell_on)
        jobs.every(DAY_S, tasks.prune)
