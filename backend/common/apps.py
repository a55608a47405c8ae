from django.apps import AppConfig

SWEEP_S = 3600


class CommonConfig(AppConfig):
    name = "backend.common"
    label = "common"

    def ready(self) -> None:
        from backend.common import jobs, tasks

        jobs.every(SWEEP_S, tasks.sweep_files)
