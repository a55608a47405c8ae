"""Who can be given chats, and when."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value


class AgentStatus(models.Model):
    """Whether an agent can be given chats: switched on, and holding a lease that any of their sockets renews.

    `schedule` is a list of weekly windows `{"day": 0, "start": "09:00", "end": "17:00"}` in `time_zone`, Monday being
    0; without any, every hour is theirs. `load_max` is the number of open chats from which no more come by themselves,
    null for the desk's usual one.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+")
    is_switched_on = models.BooleanField(default=True)
    lease_until = models.DateTimeField(null=True)
    last_assigned_at = models.DateTimeField(null=True)
    load_max = models.PositiveSmallIntegerField(null=True)
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    schedule = models.JSONField(default=list, db_default=Value([], models.JSONField()))

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lease_until"], name="support_agent_lease")]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="support_agent_load_max_positive", condition=Q(load_max__gt=0) | Q(load_max=None)
            )
        ]

    def __str__(self) -> str:
        return str(self.user_id)
