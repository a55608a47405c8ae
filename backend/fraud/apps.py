from django.apps import AppConfig

ESCALATE_S = 30
RESUME_S = 60
PROFILES_S = 3600
DAY_S = 24 * 3600


class FraudConfig(AppConfig):
    name = "backend.fraud"
    label = "fraud"

    def ready(self) -> None:
        from backend.common import examples, hooks, jobs
        from backend.fraud import tasks
        from backend.fraud.examples import EXAMPLES
        from backend.fraud.services.privacy import block_leaving, erase_person, export_person
        from backend.fraud.services.reviews import return_claims
        from backend.fraud.services.signals import note_security_event

        hooks.security_event.register(note_security_event)
        hooks.role_withdrawn.register(return_claims)
        hooks.person_leaving.register(block_leaving)
        hooks.person_erased.register(erase_person)
        hooks.person_exported.register(export_person)
        examples.register(EXAMPLES)
        jobs.every(ESCALATE_S, tasks.escalate)
        jobs.every(RESUME_S, tasks.resume_dry_runs)
        jobs.every(PROFILES_S, tasks.refresh_profiles)
        jobs.every(DAY_S, tasks.prune)
