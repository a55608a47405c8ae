"""What a person has chosen: how they hear of notices, and whether the assistant may answer them by itself."""

from dataclasses import asdict, dataclass, replace

from backend.assistant.models import AnswerPreference
from backend.audit import services as audit
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.models import User
from backend.notifications.services import preferences as deliveries


@dataclass(frozen=True, slots=True)
class Preferences:
    email: bool
    push: bool
    automatic_answers: bool


def preferences_of(user_id: int) -> Preferences:
    """Return what holds for a person: everything is on until they choose otherwise. Two queries."""
    delivery = deliveries.preference_of(user_id)
    unwilling = AnswerPreference.objects.filter(pk=user_id, automatic_answers=False).exists()
    return Preferences(delivery.by_email, delivery.by_push, not unwilling)


def choose(*, actor: Principal, changes: dict[str, bool]) -> Preferences:
    """Change any of `email`, `push`, `automatic_answers`, for everything that is sent or answered from now on.

    Repeating changes nothing. Locks: the person, so that two changes at once count both.
    """
    with unit_of_work():
        person = User.objects.select_for_update(no_key=True).get(pk=actor.id)
        before = preferences_of(actor.id)
        after = replace(before, **changes)
        if after != before:
            deliveries.choose(user_id=actor.id, by_email=after.email, by_push=after.push)
            AnswerPreference.objects.update_or_create(
                user_id=actor.id, defaults={"automatic_answers": after.automatic_answers}
            )
            changed = {name: value for name, value in asdict(after).items() if getattr(before, name) != value}
            audit.record(actor_id=actor.id, action="preferences.changed", target=person, facts=changed)
    return after
