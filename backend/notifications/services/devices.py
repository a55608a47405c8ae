"""Phones that take pushes."""

import re

from backend.common import hooks
from backend.common.errors import RuleViolation
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.notifications.models import PushDevice

PER_PERSON_MAX = 10
_TOKEN = re.compile(r"Expo(?:nent)?PushToken\[[A-Za-z0-9_-]{1,200}\]")


class PushTokenRefused(RuleViolation):
    code = "push.token_refused"
    detail = "This is no push token of Expo's."


def add_device(*, actor: Principal, token: str) -> None:
    """Push to this phone from now on. One that was somebody else's is the caller's now: it changed hands, or its owner
    signed in with another account. The oldest beyond ten is forgotten. Repeating changes nothing.

    The trail hears of it in the same transaction, through the hook `device_changed`: this slice stands beside it.
    Raises: PushTokenRefused. Locks: the phone's row.
    """
    if not _TOKEN.fullmatch(token):
        raise PushTokenRefused
    with unit_of_work():
        device, is_new = PushDevice.objects.select_for_update().get_or_create(
            token=token, defaults={"user_id": actor.id}
        )
        other_id = None if is_new or device.user_id == actor.id else device.user_id
        if not is_new and other_id is None:
            return
        if other_id is not None:
            PushDevice.objects.filter(pk=device.pk).update(user_id=actor.id)
        mine = PushDevice.objects.filter(user_id=actor.id).exclude(pk=device.pk).order_by("-pk")
        beyond = list(mine.values_list("pk", flat=True)[PER_PERSON_MAX - 1 :])
        PushDevice.objects.filter(pk__in=beyond).delete()
        hooks.device_changed(hooks.DeviceChange(actor.id, device.pk, True, other_id, len(beyond)))


def remove_device(*, actor: Principal, token: str) -> None:
    """Push no more to this phone of the caller's. Repeating changes nothing.

    The trail hears of it as of adding one. Locks: the phone's row.
    """
    with unit_of_work():
        device = PushDevice.objects.select_for_update().filter(user_id=actor.id, token=token).first()
        if device is None:
            return
        number = device.pk
        device.delete()
        hooks.device_changed(hooks.DeviceChange(actor.id, number, False))
