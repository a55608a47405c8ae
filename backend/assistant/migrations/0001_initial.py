import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("identity", "0007_add_exports_and_rule_changes"),
        ("support", "0011_index_assigned"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AnswerPreference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("automatic_answers", models.BooleanField(default=True)),
            ],
        ),
        migrations.CreateModel(
            name="AutomaticAnswer",
            fields=[
                (
                    "chat",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="support.chat",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("trying", "Trying"),
                            ("answered", "Answered"),
                            ("stopped", "Stopped"),
                            ("not_needed", "Not Needed"),
                            ("given_up", "Given Up"),
                        ],
                        default="trying",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("stopped_by", models.BigIntegerField(null=True)),
                ("seq", models.BigIntegerField(null=True)),
                ("prompt", models.CharField(blank=True, max_length=40)),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.OrderBy(models.F("created_at"), descending=True), name="assistant_answer_newest"
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state", "trying"), ("ended_at__isnull", False), _connector="XOR"),
                        name="assistant_automatic_answer_ended",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("seq__isnull", False), models.Q(("state", "answered"), _negated=True), _connector="OR"
                        ),
                        name="assistant_automatic_answer_is_said",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Circuit",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("opened_until", models.DateTimeField(null=True)),
                ("trial_until", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="assistant_circuit_only_one")
                ],
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                (
                    "task",
                    models.CharField(
                        choices=[
                            ("suggestion", "Suggestion"),
                            ("summary", "Summary"),
                            ("first_answer", "First Answer"),
                            ("chatbot", "Chatbot"),
                            ("category", "Category"),
                        ],
                        max_length=12,
                    ),
                ),
                ("outcome", models.CharField(max_length=16)),
                ("questions", models.PositiveBigIntegerField(default=0)),
                ("prompt_tokens", models.PositiveBigIntegerField(default=0)),
                ("answer_tokens", models.PositiveBigIntegerField(default=0)),
                ("cost", models.DecimalField(decimal_places=6, default=0, max_digits=18)),
                ("milliseconds", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "tallies",
                "constraints": [
                    models.UniqueConstraint(fields=("day", "task", "outcome"), name="assistant_tally_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("task__in", ["suggestion", "summary", "first_answer", "chatbot", "category"])
                        ),
                        name="assistant_tally_task_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Spending",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("day", models.DateField()),
                ("questions", models.PositiveIntegerField(default=0)),
                ("tokens", models.PositiveBigIntegerField(default=0)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "spending",
                "indexes": [models.Index(fields=["day"], name="assistant_spending_day")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "day"), name="assistant_spending_once", nulls_distinct=False
                    )
                ],
            },
        ),
    ]
