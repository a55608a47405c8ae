"""`/ws/notifications/`: a person's inbox and the desks of their roles, on one socket (design.md section 4).

Events carry `topic`, `seq`, `kind`, `payload` and `timestamp`. `?after=topic:seq,…` resumes each topic that is named.
"""

from typing import Any

from backend.common.principal import AUDITOR, BANK_ADMIN, SUPPORT_AGENT, Principal
from backend.identity.sockets import SignedSocket
from backend.notifications.services import DESK_AUDITOR, DESK_BANK_ADMIN, DESK_SUPPORT, inbox_of
from backend.realtime.frames import BadFrame, cursor_from
from backend.realtime.seats import Seat
from backend.realtime.sockets import Admission

DESKS = {SUPPORT_AGENT: DESK_SUPPORT, BANK_ADMIN: DESK_BANK_ADMIN, AUDITOR: DESK_AUDITOR}
TOPICS_MAX = 10


async def notification_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application of one notifications connection."""
    await NotificationSocket(scope, receive, send).run()


class NotificationSocket(SignedSocket):
    def admit(self) -> Admission:
        principal = self.identified()
        return Admission(principal, topics_of(principal))

    def cursors_from(self, value: object) -> dict[str, int]:
        """`topic:seq,topic:seq` as in the address, or an object in a `resume` frame. Other people's are ignored."""
        if isinstance(value, str):
            value = dict(part.rpartition(":")[::2] for part in value.split(",")[:TOPICS_MAX] if ":" in part) or None
        if not isinstance(value, dict):
            raise BadFrame("invalid_after", "`after` names topics and positions: user.7:12,desk.support:40")
        return {str(topic): cursor_from(seq) for topic, seq in list(value.items())[:TOPICS_MAX]}

    def heads(self) -> dict[str, Any]:
        return {"heads": {seat.topic: seat.head for seat in self.seats.values()}}

    def about(self, seat: Seat) -> dict[str, Any]:
        return {"topic": seat.topic}


def topics_of(principal: Principal) -> list[str]:
    """The person's own topic, and the desk of each of their roles."""
    return [inbox_of(principal.id), *(DESKS[role] for role in sorted(principal.roles) if role in DESKS)]
