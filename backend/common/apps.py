from django.apps import AppConfig

SWEEP_S = 3600
DAY_S = 24 * 3600


class CommonConfig(AppConfig):
    name = "backend.common"
    label = "common"

    def ready(self) -> None:
        from django.conf import settings

        from backend.common import alerts, backups, hooks, idempotency, jobs, metrics, tasks, watching
        from backend.common.checkups import foundation

        backups.need_keys(lambda: settings.KEYS_OF_DATA)
        foundation.register()
        alerts.install()
        metrics.counted(watching.tell_of_jobs)
        metrics.asked("database", watching.tell_of_database)
        metrics.asked("redis", watching.tell_of_redis)
        hooks.person_erased.register(idempotency.erase_answers)
        hooks.person_exported.register(idempotency.export_answers)
        jobs.every(DAY_S, tasks.forget_old_limits)
        jobs.every(SWEEP_S, tasks.forget_old_answers)
        jobs.every(SWEEP_S, tasks.sweep_files)
