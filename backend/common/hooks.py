"""How a lower slice hears from a higher one, without importing it: typed, explicit, filled in `AppConfig.ready()`.

There are no Django signals in this product: a hook names what it carries, and its listeners are found by searching
for `.register`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Hook(Generic[T]):
    """An ordered list of listeners for one kind of notice. Listeners run in the caller's transaction."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: list[Callable[[T], None]] = []

    def register(self, listener: Callable[[T], None]) -> None:
        if listener not in self._listeners:
            self._listeners.append(listener)

    def __call__(self, notice: T) -> None:
        for listener in self._listeners:
            listener(notice)


@dataclass(frozen=True, slots=True)
class SecurityNotice:
    """A security event was recorded: its kind (S2-M7), its weight, and whom it concerns."""

    event_id: int
    event_type: str
    severity: str
    user_id: int | None
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrailBroken:
    """The audit trail does not prove out: what kind of fault it is, at which place of the chain, in which row."""

    event_id: int
    finding: str
    seq: int
    row: int | None
    words: str


@dataclass(frozen=True, slots=True)
class Denial:
    """Somebody signed in was refused something that they may not do (E-ERR-3)."""

    user_id: int
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """A person asks to be erased. A slice in which something has to be settled first says so in words for them."""

    user_id: int
    block: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person's data is being erased; each slice does its part in the same transaction. `name` is what stays."""

    user_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Export:
    """Everything about one person is being written out, in a transaction that sees one moment.

    Each slice calls `add(name, rows)` for its part: a name such as `support/chats.json`, and rows of plain JSON values,
    which are read once and may be a generator. Nothing about others belongs there but how they were called.
    """

    user_id: int
    add: Callable[[str, Iterable[Mapping[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo accounts are there; each slice adds what its part of the demo needs and is missing, in transactions of
    its own. Called at every start, so a slice finds out with a query or two that nothing is missing.

    `accounts` says the user id of each: customer, agent, bank_admin, auditor, manager, superuser.
    """

    accounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Somebody no longer has a role, in the transaction that took it; their user row is locked.

    `role` is its name, or None for all of them: the person was blocked, deleted or erased. `name` is what the person
    is called, `by_id` who did it, None for the system.
    """

    user_id: int
    name: str
    role: str | None
    by_id: int | None

    def takes(self, role: str) -> bool:
        return self.role is None or self.role == role


@dataclass(frozen=True, slots=True)
class KycDecision:
    """Somebody was approved or rejected, in the transaction that decided it; their user row is locked."""

    user_id: int
    is_approved: bool
    by_id: int


@dataclass(frozen=True, slots=True)
class Appended:
    """Events were stored, and the transaction that stored them is still open: (topic, seq, kind) of each."""

    events: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True, slots=True)
class FraudDecision:
    """A bank admin released or rejected what an alert is about, in the transaction that decides; the alert is locked.

    `subject_kind` and `subject_id` name it: `transfer`, its id. With `is_held` money waits: a listener captures or
    voids the hold. One that raises a domain error undoes the whole decision.
    """

    alert_id: str
    subject_kind: str
    subject_id: str
    verdict: str  # "release" or "reject"
    is_held: bool
    by_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """A phone takes pushes for a person from now on (`added`), or no longer. `device_id` is the row's number.

    `other_id` is whose it was until now; `forgotten` how many older phones had to go. The transaction is still open.
    """

    user_id: int
    device_id: int
    added: bool
    other_id: int | None = None
    forgotten: int = 0


events_appended: Hook[Appended] = Hook("events_appended")
demo_loaded: Hook[Demo] = Hook("demo_loaded")
kyc_decided: Hook[KycDecision] = Hook("kyc_decided")
person_leaving: Hook[Leaving] = Hook("person_leaving")
person_exported: Hook[Export] = Hook("person_exported")
person_erased: Hook[Erasure] = Hook("person_erased")
role_withdrawn: Hook[Withdrawal] = Hook("role_withdrawn")
device_changed: Hook[DeviceChange] = Hook("device_changed")
access_denied: Hook[Denial] = Hook("access_denied")
fraud_decided: Hook[FraudDecision] = Hook("fraud_decided")
security_event: Hook[SecurityNotice] = Hook("security_event")
trail_broken: Hook[TrailBroken] = Hook("trail_broken")
