"""Mail and push for people who are not connected: an outbox, filled with the notice, emptied by a job.

Nobody gets a mail about what they have seen: the outbox waits a moment, and what is read meanwhile, or was delivered
to an open notifications socket, is cancelled.
"""

import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests
import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction

from backend.common import hooks
from backend.common.fastcache import fastcache
from backend.notifications.models import Delivery, PushDevice, ReadMark
from backend.notifications.notices import SENT_OUT, Notice, notice_from
from backend.notifications.services import inbox_of, preferences
from backend.realtime import selectors as topics

log = structlog.get_logger(__name__)

ONLINE_S = 60
ATTEMPTS_MAX = 5
STEP = 100
PUSH_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Addressee:
    """How to reach a person outside of the product."""

    email: str
    name: str


AddressBook = Callable[[int], Addressee | None]
_books: list[AddressBook] = []


def set_address_book(book: AddressBook) -> None:
    """Name the function that knows people's addresses (identity does, in `ready()`)."""
    _books[:] = [book]


def keep_for_delivery(appended: hooks.Appended) -> None:
    """Put notices that are sent out into the outbox, in the transaction that stored them."""
    due = datetime.now(UTC) + timedelta(seconds=settings.DELIVERY_DELAY_SECONDS)
    rows = [
        Delivery(user_id=int(topic.removeprefix("user.")), seq=seq, kind=kind, due_at=due)
        for topic, seq, kind in appended.events
        if kind in SENT_OUT and topic.startswith("user.")
    ]
    if rows:
        Delivery.objects.bulk_create(rows)


def note_online(user_ids: list[int]) -> None:
    """Keep for a minute that these people have a notifications socket open."""
    for user_id in user_ids:
        fastcache().set(f"online:{user_id}", {}, seconds=ONLINE_S)


def is_online(user_id: int) -> bool:
    """Whether a notifications socket of the person is open. Not known is no: a mail too many is no harm."""
    return fastcache().get_many([f"online:{user_id}"])[0] is not None


def deliver_due() -> int:
    """Send what is due in the outbox, at most 100; return how many were sent.

    Repeating, or twice at once: each is sent once, unless a process dies between sending and keeping that it did.
    Locks: each row while it is sent, passing over those that are locked.
    """
    sent = 0
    for _ in range(STEP):
        with transaction.atomic():
            due = Delivery.objects.select_for_update(skip_locked=True).filter(
                state=Delivery.State.PENDING, due_at__lte=datetime.now(UTC)
            )
            delivery = due.order_by("due_at").first()
            if delivery is None:
                break
            sent += _deliver(delivery)
    return sent


def _deliver(delivery: Delivery) -> bool:
    topic = inbox_of(delivery.user_id)
    read = ReadMark.objects.filter(user_id=delivery.user_id, topic=topic, seq=delivery.seq).exists()
    addressee = _books[0](delivery.user_id) if _books else None
    notice = _notice_of(delivery)
    wanted = preferences.preference_of(delivery.user_id)
    if read or is_online(delivery.user_id) or addressee is None or notice is None:
        _end(delivery, Delivery.State.CANCELLED)
        return False
    by_mail = wanted.by_email or notice.is_essential
    if not (by_mail or wanted.by_push):
        _end(delivery, Delivery.State.CANCELLED)
        return False
    try:
        if by_mail:
            _mail(addressee, notice)
        if wanted.by_push:
            _push(delivery.user_id, notice)
    except (OSError, smtplib.SMTPException, requests.RequestException) as fault:
        _try_later(delivery, fault)
        return False
    _end(delivery, Delivery.State.SENT)
    return True


def _notice_of(delivery: Delivery) -> Notice | None:
    page = topics.events_after(inbox_of(delivery.user_id), delivery.seq - 1, limit=1)
    return notice_from(page.events[0].kind, page.events[0].fields()) if page.events else None


def _mail(addressee: Addressee, notice: Notice) -> None:
    title, words = notice.in_words()
    body = f"Hello {addressee.name},\n\n{words}\n\nOpen the app to see more. You need not answer this mail.\n"
    send_mail(title, body, settings.DEFAULT_FROM_EMAIL, [addressee.email])


def _push(user_id: int, notice: Notice) -> None:
    """Push to the person's phones by Expo's service; a phone that it no longer knows is forgotten."""
    tokens = list(PushDevice.objects.filter(user_id=user_id).order_by("pk").values_list("token", flat=True))
    if not settings.EXPO_PUSH_URL or not tokens:
        return
    title, words = notice.in_words()
    messages = [{"to": token, "title": title, "body": words, "data": {"kind": notice.kind}} for token in tokens]
    answer = requests.post(settings.EXPO_PUSH_URL, json=messages, timeout=PUSH_TIMEOUT_S)
    answer.raise_for_status()
    tickets = answer.json().get("data", [])
    gone = [
        token
        for token, ticket in zip(tokens, tickets, strict=False)
        if ticket.get("details", {}).get("error") == "DeviceNotRegistered"
    ]
    PushDevice.objects.filter(token__in=gone).delete()


def _try_later(delivery: Delivery, fault: Exception) -> None:
    """Try again after a minute, two, four, eight; then give up."""
    delivery.attempts += 1
    log.warning("delivery.failed", delivery=delivery.pk, attempt=delivery.attempts, fault=type(fault).__name__)
    if delivery.attempts >= ATTEMPTS_MAX:
        _end(delivery, Delivery.State.FAILED)
        return
    delivery.due_at = datetime.now(UTC) + timedelta(minutes=2 ** (delivery.attempts - 1))
    delivery.save(update_fields=["attempts", "due_at"])


def _end(delivery: Delivery, state: Delivery.State) -> None:
    delivery.state, delivery.ended_at = state, datetime.now(UTC)
    delivery.save(update_fields=["state", "attempts", "ended_at"])


def prune(*, days: int = 30) -> int:
    """Delete what ended more than `days` ago from the outbox; return how many there were."""
    edge = datetime.now(UTC) - timedelta(days=days)
    ended, _ = Delivery.objects.filter(ended_at__lt=edge).delete()
    return ended
