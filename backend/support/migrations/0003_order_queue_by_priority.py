"""Indexes without a lock, and the check of what 0002 left unchecked."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("support", "0002_add_desk")]

    operations = [
        AddIndexConcurrently(
            model_name="chat",
            index=models.Index(fields=["admin", "-created_at", "id"], name="support_chat_of_agent"),
        ),
        AddIndexConcurrently(
            model_name="chat",
            index=models.Index(
                condition=models.Q(("admin", None), ("closed_at", None)),
                fields=["-priority", "created_at", "id"],
                name="support_chat_queue_order",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="chat",
            name="support_chat_queue",
        ),
        ValidateConstraint(model_name="agentstatus", name="support_agent_load_max_positive"),
        ValidateConstraint(model_name="chat", name="support_chat_priority_known"),
    ]
