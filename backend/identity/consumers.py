"""`/ws/notifications/`: a person's inbox and the desks of their roles, on one socket (design.md section 4).

Events carry `topic`, `seq`, `kind`, `payload` and `timestamp`. `?after=topic:seq,…` resumes each topic that is named.
"""

from collections import Counter
from typing import Any

from backend.common.principal import Principal
from backend.identity.sockets import SignedSocket
from backend.notifications.services import deliveries, inbox_of
from backend.notifications.services.inbox import DESKS
from backend.realtime.frames import BadFrame, cursor_from
from backend.realtime.runtime import Runtime
from backend.realtime.seats import Seat
from backend.realtime.sockets import Admission

TOPICS_MAX = 10
ONLINE_RENEW_S = 20.0


async def notification_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The ASGI application of one notifications connection."""
    await NotificationSocket(scope, receive, send).run()


class Online:
    """Whose notifications sockets are open in this process, and that others may know it: they get no mail about what
    they see."""

    def __init__(self, runtime: Runtime) -> None:
        self.people: Counter[int] = Counter()
        self._runtime = runtime

    async def renew(self) -> None:
        if self.people:
            await self._runtime.hub.read(deliveries.note_online, list(self.people))


def online_of(runtime: Runtime) -> Online:
    found: Online | None = runtime.shared.get("notifications.online")
    if found is None:
        found = runtime.shared["notifications.online"] = Online(runtime)
        runtime.hub.spawn(runtime.every(ONLINE_RENEW_S, found.renew))
    return found


class NotificationSocket(SignedSocket):
    async def opened(self, admission: Admission) -> None:
        self.online = online_of(self.runtime)
        self.online.people[admission.principal.id] += 1
        await self.hub.read(deliveries.note_online, [admission.principal.id])

    def left(self) -> None:
        if self.principal is not None:
            self.online.people[self.principal.id] -= 1
            self.online.people += Counter()  # Drops who has no socket left.

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
