"""How the desk orders its work: labels, priority, snooze. Who did it is for the staff to see."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from backend.audit import services as audit
from backend.common.errors import NotFound
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.support import selectors
from backend.support.errors import LabelTaken, LabelUnknown, SnoozeRefused
from backend.support.frames import chat_state
from backend.support.models import Chat, ChatLabel, Label, Priority
from backend.support.services import access, telling

LABELS_MAX = 10
MANAGED_LABELS_MAX = 200
SNOOZE_DAYS_MAX = 90


def set_priority(*, actor: Principal, chat_id: uuid.UUID, priority: Priority) -> Chat:
    """Set how urgent an open chat is; the queue goes by it. Who answers may, and any agent while it waits.

    Repeating: changes nothing, and nobody is told again. Raises: as `access.lock_chat_for_triage`. Locks: the chat.
    After commit: `note` with the fact `priority`.
    """
    with unit_of_work() as unit:
        chat = access.lock_chat_for_triage(actor=actor, chat_id=chat_id)
        if chat.priority == priority:
            return chat
        chat.priority = priority
        chat.save(update_fields=["priority"])
        audit.record(actor_id=actor.id, action="chat.prioritised", target=chat, facts={"priority": priority.label})
        words = f"set the priority to {priority.label}."
        telling.tell_desk(unit, chat.pk, "priority", actor=actor, words=words, priority=priority.label)
    return chat


def set_labels(*, actor: Principal, chat_id: uuid.UUID, names: Sequence[str]) -> list[str]:
    """Put exactly these labels on an open chat and return their names. Who answers may, any agent while it waits.

    Repeating: changes nothing, and nobody is told again.
    Raises: as `access.lock_chat_for_triage`, LabelUnknown (one already there may stay when it is switched off).
    Locks: the chat. After commit: `note` with the fact `labels`.
    """
    wanted = {name.lower() for name in names}
    with unit_of_work() as unit:
        chat = access.lock_chat_for_triage(actor=actor, chat_id=chat_id)
        held = {
            one.label.name.lower(): one.label for one in ChatLabel.objects.filter(chat=chat).select_related("label")
        }
        known = {label.name.lower(): label for label in Label.objects.filter(is_active=True)} | held
        if not wanted <= known.keys():
            raise LabelUnknown
        labels = sorted(known[name].name for name in wanted)
        if wanted == held.keys():
            return labels
        ChatLabel.objects.filter(chat=chat, label__in=[held[name] for name in held.keys() - wanted]).delete()
        ChatLabel.objects.bulk_create(ChatLabel(chat=chat, label=known[name]) for name in wanted - held.keys())
        audit.record(actor_id=actor.id, action="chat.labelled", target=chat, facts={"labels": labels})
        words = f"labelled the chat {', '.join(labels)}." if labels else "took all labels off."
        telling.tell_desk(unit, chat.pk, "labels", actor=actor, words=words, labels=labels)
    return labels


def snooze_chat(*, actor: Principal, chat_id: uuid.UUID, until: datetime) -> Chat:
    """Let a chat rest until a time, or until its customer says something. It then counts again for its agent's load.

    Raises: as `access.lock_chat_for_staff`, SnoozeRefused (a time that is past, or over 90 days ahead).
    Locks: the chat.
    After commit: `chat` event snoozed, which says until when but not by whom; `note` with the fact `snoozed`.
    """
    now = datetime.now(UTC)
    if until <= now:
        raise SnoozeRefused("This time is past.")
    if until > now + timedelta(days=SNOOZE_DAYS_MAX):
        raise SnoozeRefused(f"At most {SNOOZE_DAYS_MAX} days ahead.")
    return _set_snooze(actor, chat_id, until)


def wake_chat(*, actor: Principal, chat_id: uuid.UUID) -> Chat:
    """End a chat's rest. Repeating: changes nothing. Raises: as `access.lock_chat_for_staff`. Locks: the chat.

    After commit: `chat` event snoozed without a time; `note` with the fact `snoozed`.
    """
    return _set_snooze(actor, chat_id, None)


def _set_snooze(actor: Principal, chat_id: uuid.UUID, until: datetime | None) -> Chat:
    with unit_of_work() as unit:
        chat = access.lock_chat_for_staff(actor=actor, chat_id=chat_id)
        if until is None and not chat.is_snoozed:
            return chat
        chat.snoozed_until = until
        chat.save(update_fields=["snoozed_until"])
        text = telling.time_text(until) if until else None
        audit.record(actor_id=actor.id, action="chat.snoozed", target=chat, facts={"until": text})
        words = f"The chat rests until {until:%Y-%m-%d %H:%M} UTC." if until else "The chat goes on."
        telling.tell_chat(unit, chat.pk, chat_state("snoozed", by="Support", by_id=None, words=words, until=text))
        said = f"snoozed the chat until {until:%Y-%m-%d %H:%M} UTC." if until else "ended the snooze."
        telling.tell_desk(unit, chat.pk, "snoozed", actor=actor, words=said, until=text)
    return chat


# The list of labels


def list_labels(*, actor: Principal) -> list[Label]:
    """Every label, switched off or not, to agents and to those who manage them. Raises: NotAnAgent."""
    if not selectors.may_join(actor):
        access.require_agent(actor)
    return list(Label.objects.all()[:MANAGED_LABELS_MAX])


def create_label(*, actor: Principal, name: str, colour: str) -> Label:
    """Add a label to the list. Raises: NotADeskManager, LabelTaken, LabelUnknown (there are too many)."""
    access.require_manager(actor)
    if Label.objects.count() >= MANAGED_LABELS_MAX:
        raise LabelUnknown(f"There are {MANAGED_LABELS_MAX} labels already; use one of them, or rename one.")
    return _saved(actor, Label(name=name, colour=colour), "label.created")


def change_label(*, actor: Principal, label_id: int, changes: dict[str, Any]) -> Label:
    """Rename, recolour or switch off a label; it stays on the chats that have it.

    Raises: NotADeskManager, NotFound, LabelTaken.
    """
    access.require_manager(actor)
    label = Label.objects.filter(pk=label_id).first()
    if label is None:
        raise NotFound
    for name, value in changes.items():
        setattr(label, name, value)
    return _saved(actor, label, "label.changed")


def _saved(actor: Principal, label: Label, action: str) -> Label:
    with unit_of_work():
        try:
            with transaction.atomic():
                label.save()
        except IntegrityError:
            raise LabelTaken from None
        audit.record(actor_id=actor.id, action=action, target=label, facts={"name": label.name})
    return label
