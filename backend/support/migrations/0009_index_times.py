"""Indexes for times over a range of days, without a lock."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("support", "0008_times_follow_chats")]

    operations = [
        AddIndexConcurrently(model_name="chat", index=models.Index(fields=["closed_at"], name="support_chat_closed")),
        AddIndexConcurrently(
            model_name="chat", index=models.Index(fields=["first_asked_at"], name="support_chat_first_asked")
        ),
    ]
