"""What one's own data means for transfers and plans: an export holds them, an erasure takes away what was written.

The rows stay, like the postings behind them: another person's account moved, too.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from backend.audit import services as audit
from backend.banking.models import Schedule, ScheduleState, Transfer
from backend.banking.selectors.people import SCHEDULE, TRANSFER
from backend.common import hooks

CHUNK = 500
_OURS = {"source__customer__user_id", "target__customer__first_name", "target__customer__last_name"}


def export_transfers(export: hooks.Export) -> None:
    """Add what the person sent, received and planned. Of others stands there how they were called: payees as the
    person wrote them, senders by their names."""
    export.add("banking/transfers.json", _transfers(export.user_id))
    plans = Schedule.objects.filter(source__customer__user=export.user_id).order_by("created_at", "pk")
    export.add("banking/scheduled_transfers.json", (_plain(row) for row in plans.values(*SCHEDULE).iterator(CHUNK)))


def erase_transfers(erasure: hooks.Erasure) -> None:
    """Stop what the person planned, and take away what they called payees and wrote to them.

    What others wrote to them stays theirs. Locks: the plans.
    """
    plans = Schedule.objects.filter(source__customer__user=erasure.user_id)
    active = plans.filter(state=ScheduleState.ACTIVE).order_by("pk").select_for_update(no_key=True, of=("self",))
    for plan in active:
        plan.state, plan.due_on, plan.due_at = ScheduleState.CANCELLED, None, None
        plan.save(update_fields=["state", "due_on", "due_at", "updated_at"])
        audit.record(actor_id=None, action="schedule.cancelled", target=plan, subject_id=erasure.user_id)
    plans.exclude(payee_name="", memo="").update(payee_name="", memo="")
    sent = Transfer.objects.filter(source__customer__user=erasure.user_id)
    sent.exclude(payee_name="", memo="").update(payee_name="", memo="")


def _transfers(user_id: int) -> Iterator[dict[str, Any]]:
    mine = Q(source__customer__user=user_id) | Q(target__customer__user=user_id)
    names = [name for name in TRANSFER if name not in _OURS]
    rows = Transfer.objects.filter(mine).order_by("created_at", "pk")
    for row in rows.values(*names, "source__customer__user").iterator(CHUNK):
        if row.pop("source__customer__user") != user_id:
            row["payee_name"] = ""  # What the sender calls this person is the sender's.
        yield _plain(row)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row as JSON has it: names without their way through the tables."""
    plain = (int, str, bool, type(None))
    shown = {name: value if isinstance(value, plain) else str(value) for name, value in row.items()}
    return {
        name.replace("__bank__", "_").replace("__customer__", "_").replace("__", "_"): value
        for name, value in shown.items()
    }
