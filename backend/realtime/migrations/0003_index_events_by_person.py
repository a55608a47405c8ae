from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("realtime", "0002_let_events_rewrite_others")]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                fields=["author_id"], name="realtime_event_author", condition=Q(author_id__isnull=False)
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=GinIndex(
                fields=["payload"],
                opclasses=["jsonb_path_ops"],
                name="realtime_event_about",
                condition=Q(client_id__isnull=True),
            ),
        ),
    ]
