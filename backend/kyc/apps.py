from django.apps import AppConfig


class KycConfig(AppConfig):
    name = "backend.kyc"
    label = "kyc"

    def ready(self) -> None:
        from backend.common import checkups, examples, hooks, jobs
        from backend.kyc import tasks
        from backend.kyc.examples import EXAMPLES
        from backend.kyc.services.cases import return_cases
        from backend.kyc.services.erasures import erase_profile, export_profile

        for name in ("ssn", "address"):
            checkups.uses_key(
                f"ENCRYPTION_KEY_{name.upper()}", checkups.VERSIONS.format(f"{name}_sealed", "kyc_profile")
            )
        checkups.uses_key("ENCRYPTION_KEY_DOCUMENTS", "SELECT DISTINCT key_version FROM kyc_upload")
        examples.register(EXAMPLES)
        hooks.person_erased.register(erase_profile)
        hooks.person_exported.register(export_profile)
        hooks.role_withdrawn.register(return_cases)
        jobs.every(3600, tasks.prune_drafts)
        jobs.every(3600, tasks.prune_uploads)
        jobs.every(60, tasks.complete_left_behind)
        jobs.every(3600, tasks.expire_approvals)
        jobs.every(86400, tasks.delete_old_refusals)
