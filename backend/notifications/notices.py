"""Every kind of notice that a person or a desk can get, with exactly the fields it carries.

The durable inbox of a person is the topic `user.<id>`, that of a desk `desk.<name>` (design.md section 4); a notice
is an event there. The classes are the payload's schema: what is not a field cannot be sent.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    kind: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatQueued(Notice):
    """A customer waits: nobody was available when the chat was opened."""

    kind = "chat.queued"
    chat_id: str
    customer_id: int
    customer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAssigned(Notice):
    """A chat has got its agent, by assignment or by being taken."""

    kind = "chat.assigned"
    chat_id: str
    customer_id: int
    customer: str
    agent_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatShared(Notice):
    """Somebody was let into a colleague's chat."""

    kind = "chat.shared"
    chat_id: str
    shared_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatClosed(Notice):
    kind = "chat.closed"
    chat_id: str
    closed_by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRevoked(Notice):
    """One of the person's sessions ended: by sign-out, by a newer sign-in, by a password change or an alarm."""

    kind = "session.revoked"
    session_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditBroken(Notice):
    """Verifying the audit trail found a fault: its kind, its place in the chain, its row if one is known."""

    kind = "audit.broken"
    event_id: int
    finding: str
    seq: int
    row: int | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReached(Notice):
    """So many percent of a category's budget are spent in a month: 80, then 100. Once each a month."""

    kind = "budget.reached"
    budget_id: str
    category_id: str
    category: str
    month: str
    percent: int
    amount: str
    spent: str
