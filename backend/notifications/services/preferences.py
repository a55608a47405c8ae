"""By which ways people want to hear of notices."""

from backend.notifications.models import DeliveryPreference


def preference_of(user_id: int) -> DeliveryPreference:
    """Return what a person has chosen: mail and push where they never did."""
    return DeliveryPreference.objects.filter(pk=user_id).first() or DeliveryPreference(user_id=user_id)


def choose(*, user_id: int, by_email: bool, by_push: bool) -> None:
    """Keep what a person has chosen, for everything that is sent from now on, what waits in the outbox included.

    In the caller's transaction, which records it: this slice stands beside the trail.
    """
    DeliveryPreference.objects.update_or_create(user_id=user_id, defaults={"by_email": by_email, "by_push": by_push})
