"""What first response and resolution times are computed from. Every column comes without rewriting the table."""

import datetime
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("support", "0006_tails_of_earlier_chats"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Handover",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("from_agent", models.BigIntegerField()),
                ("to_agent", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="chat",
            name="away_for",
            field=models.DurationField(db_default=datetime.timedelta(0), default=datetime.timedelta),
        ),
        migrations.AddField(
            model_name="chat",
            name="first_answered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="chat",
            name="first_answered_by",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="chat",
            name="first_asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="chat",
            name="snoozed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="chat",
            name="snoozed_for",
            field=models.DurationField(db_default=datetime.timedelta(0), default=datetime.timedelta),
        ),
        migrations.AddField(
            model_name="handover",
            name="chat",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="handovers", to="support.chat"
            ),
        ),
        migrations.AddIndex(
            model_name="handover",
            index=models.Index(fields=["at"], name="support_handover_at"),
        ),
    ]
