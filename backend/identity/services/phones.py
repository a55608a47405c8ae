"""What the trail says of phones that take pushes: notifications stands beside it and cannot write there itself."""

from backend.audit.services import record
from backend.common.hooks import DeviceChange


def record_device(change: DeviceChange) -> None:
    """Record that a phone takes pushes for somebody, or no longer (K-71), in the transaction that changed it.

    Its token is the key to it and stays out. A phone that was another's is recorded as theirs, too.
    """
    facts = {"device": change.device_id, **({"forgotten": change.forgotten} if change.forgotten else {})}
    action = "push_device.added" if change.added else "push_device.removed"
    record(actor_id=change.user_id, action=action, subject_id=change.user_id, facts=facts)
    if change.other_id is not None:
        taken = {"device": change.device_id, "reason": "signed in with another account"}
        record(actor_id=change.user_id, action="push_device.removed", subject_id=change.other_id, facts=taken)
