"""`celery -A djangocrud.celery worker` and `… beat`; `make worker` runs both in one.

Everything comes from Django's settings, the broker's address included (BUG-S2-27). A task is acknowledged when it is
done, so a killed worker loses none: tasks are written to run twice (backend/common/jobs.py).
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djangocrud.settings")  # noqa: TID251 - Django's own convention
django.setup()

from backend.common import jobs  # noqa: E402
from djangocrud.env import env  # noqa: E402

if env.sentry_dsn:
    from djangocrud.sentry import report_to

    report_to(env.sentry_dsn, environment=env.environment)

app = jobs.app
app.autodiscover_tasks()
app.conf.beat_schedule = {
    # What a late beat finds twice in the queue is run once: the older one has expired by then.
    entry.name: {"task": entry.name, "schedule": entry.seconds, "options": {"expires": max(entry.seconds, 60.0)}}
    for entry in jobs.periodic()
}
