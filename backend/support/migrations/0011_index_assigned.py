"""An index for how fast chats are taken from the queue, without a lock."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("support", "0010_attachments")]

    operations = [
        AddIndexConcurrently(
            model_name="chat", index=models.Index(fields=["assigned_at"], name="support_chat_assigned")
        ),
    ]
