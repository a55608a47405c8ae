"""Topics and their stored events. Written only by `services.py`, with SQL that locks the counters."""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Topic(models.Model):
    """An ordered, durable sequence of events. `head` is the `seq` of its newest event, 0 before the first."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=100, unique=True)
    head = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="realtime_topic_head_not_negative", condition=Q(head__gte=0))
        ]

    def __str__(self) -> str:
        return self.key


class Event(models.Model):
    """One event: gapless `seq` within its topic, what happened, and who did it.

    `client_id` is unique per topic and author, so that a message sent again is recognised; `text_hash` tells a repeat
    from another text under the same id. The topic's row is locked by the statement that inserts here, so the foreign
    key is not checked a second time by the database. `rewrites` is the `seq` of an older event whose payload was
    changed together with this one's insertion: whoever holds a copy of that event must forget it.
    """

    pk = models.CompositePrimaryKey("topic", "seq")
    topic = models.ForeignKey(
        Topic, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="events"
    )
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=40)
    author_id = models.BigIntegerField(null=True)
    client_id = models.CharField(max_length=64, null=True)
    text_hash = models.BigIntegerField(null=True)
    payload = models.JSONField()
    rewrites = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            # What a person said, and what names them: for exports and erasures. What carries a `client_id` is said by
            # somebody and names nobody else, so the second index leaves most messages out.
            models.Index(fields=["author_id"], name="realtime_event_author", condition=Q(author_id__isnull=False)),
            GinIndex(
                fields=["payload"],
                opclasses=["jsonb_path_ops"],
                name="realtime_event_about",
                condition=Q(client_id__isnull=True),
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(name="realtime_event_seq_positive", condition=Q(seq__gt=0)),
            models.UniqueConstraint(
                fields=["topic", "author_id", "client_id"],
                condition=Q(client_id__isnull=False),
                name="realtime_event_client_id_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic_id}:{self.seq} {self.kind}"
