"""Reading people, roles and the login log. Every function says for whom."""

from datetime import date, datetime, time
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from backend.common.errors import Forbidden, NotFound
from backend.common.principal import Principal
from backend.identity.models import LoginLog, Role, User
from backend.notifications.services.deliveries import Addressee


def get_self(*, actor: Principal) -> User:
    return User.objects.get(pk=actor.id)


def roles_of(user: User) -> QuerySet[Role]:
    """The roles a person holds now."""
    return Role.objects.filter(user_roles__user=user, user_roles__is_active=True, is_active=True)


def list_login_logs(
    *,
    actor: Principal,
    from_date: date | None = None,
    to_date: date | None = None,
    from_time: time | None = None,
    to_time: time | None = None,
) -> QuerySet[LoginLog]:
    """The caller's own attempts, newest first. The dates bound the day, the times the hour of every day (S1-B11).

    The last second belongs to the hour, whatever its fraction: equal bounds find what is shown with that time.
    """
    if to_time is not None:
        to_time = to_time.replace(microsecond=999_999)
    logs = LoginLog.objects.filter(user_id=actor.id)
    for lookup, bound in (
        ("at__date__gte", from_date),
        ("at__date__lte", to_date),
        ("at__time__gte", from_time),
        ("at__time__lte", to_time),
    ):
        if bound is not None:
            logs = logs.filter(**{lookup: bound})
    return logs


def get_login_log(*, actor: Principal, log_id: UUID) -> LoginLog:
    """Return one entry: one's own, or for superusers anybody's. Raises: NotFound."""
    logs = LoginLog.objects.all() if actor.is_superuser else LoginLog.objects.filter(user_id=actor.id)
    found = logs.filter(pk=log_id).first()
    if found is None:
        raise NotFound
    return found


def list_users(
    *,
    actor: Principal,
    flags: dict[str, bool] | None = None,
    joined_from: datetime | None = None,
    joined_to: datetime | None = None,
) -> QuerySet[User]:
    """All accounts, by id, for staff and superusers. Raises: Forbidden."""
    if not (actor.is_staff or actor.is_superuser):
        raise Forbidden
    wanted = Q(**(flags or {}))
    if joined_from is not None:
        wanted &= Q(date_joined__gte=joined_from)
    if joined_to is not None:
        wanted &= Q(date_joined__lte=joined_to)
    return User.objects.filter(wanted).order_by("id")


def addressee_of(user_id: int) -> Addressee | None:
    """Return how to reach a person by mail; None for whoever was blocked or erased. The outbox asks (notifications)."""
    user = User.objects.filter(pk=user_id, is_active=True).only("email", "first_name", "name").first()
    return Addressee(user.email, user.get_short_name()) if user else None


def keep_verification(user_id: int) -> tuple[str, bool]:
    """Return a person's KYC status and whether they are active, as they stay until the caller's transaction ends.

    Locks: the user row, shared: whoever decides about the person waits, others who rely on them do not. Taken before
    what erasing a person locks behind their row. Raises: NotFound.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT kyc_status, is_active FROM identity_user WHERE id = %s FOR SHARE", [user_id])
        found = cursor.fetchone()
    if found is None:
        raise NotFound
    return str(found[0]), bool(found[1])
