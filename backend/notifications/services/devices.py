"""Phones that take pushes."""

import re

from backend.common.errors import RuleViolation
from backend.common.principal import Principal
from backend.notifications.models import PushDevice

PER_PERSON_MAX = 10
_TOKEN = re.compile(r"Expo(?:nent)?PushToken\[[A-Za-z0-9_-]{1,200}\]")


class PushTokenRefused(RuleViolation):
    code = "push.token_refused"
    detail = "This is no push token of Expo's."


def add_device(*, actor: Principal, token: str) -> None:
    """Push to this phone from now on. One that was somebody else's is the caller's now: it changed hands, or its owner
    signed in with another account. The oldest beyond ten is forgotten. Repeating changes nothing.

    Raises: PushTokenRefused.
    """
    if not _TOKEN.fullmatch(token):
        raise PushTokenRefused
    PushDevice.objects.update_or_create(token=token, defaults={"user_id": actor.id})
    mine = PushDevice.objects.filter(user_id=actor.id).order_by("-pk").values_list("pk", flat=True)
    PushDevice.objects.filter(pk__in=list(mine[PER_PERSON_MAX:])).delete()


def remove_device(*, actor: Principal, token: str) -> None:
    """Push no more to this phone of the caller's. Repeating changes nothing."""
    PushDevice.objects.filter(user_id=actor.id, token=token).delete()
