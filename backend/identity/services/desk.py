"""What staff do for people from the admin site: lift locks and blocks, end sessions, switch a lost factor off."""

from backend.audit import services as audit
from backend.common.principal import Principal
from backend.common.ratelimit import limiter
from backend.common.unit_of_work import unit_of_work
from backend.identity.errors import NotAllowedOnUser
from backend.identity.models import Session, User
from backend.identity.services import locks, sessions, two_factor, users


def unlock(*, actor: Principal, user_id: int) -> None:
    """Lift the lock of failed sign-ins, of the account and of its devices. Raises: UserUnknown, NotAllowedOnUser."""
    with unit_of_work():
        user = users.get_user(actor=actor, user_id=user_id)
        locks.unlock(user=user, by_id=actor.id)


def sign_out(*, actor: Principal, user_id: int) -> None:
    """End every session of a person. Raises: UserUnknown, NotAllowedOnUser. After commit: as `sessions.end_session`."""
    with unit_of_work():
        user = users.get_user(actor=actor, user_id=user_id)
        audit.record(actor_id=actor.id, action="user.signed_out", target=user)
        sessions.end_all_sessions(user_id=user.pk, reason="ended_by_staff")


def end_session(*, actor: Principal, session: Session) -> None:
    """End one session. Raises: UserUnknown, NotAllowedOnUser."""
    with unit_of_work():
        user = users.get_user(actor=actor, user_id=session.user_id)
        audit.record(actor_id=actor.id, action="session.ended_by_staff", target=user, facts={"sid": str(session.pk)})
        sessions.end_session(user_id=user.pk, sid=str(session.pk), reason="ended_by_staff")


def switch_second_factor_off(*, actor: Principal, user_id: int) -> None:
    """Switch off the second factor of somebody who has lost phone and codes. Whoever did so in person is known to them.

    Raises: NotAllowedOnUser (no superuser, or oneself: that takes a code), NotEnrolled. Locks: the user row.
    After commit: a notice and a mail to the person.
    """
    if not actor.is_superuser:
        raise NotAllowedOnUser("Only superusers switch a second factor off.")
    if actor.id == user_id:
        raise NotAllowedOnUser("One's own second factor is switched off with a code.")
    with unit_of_work() as unit:
        user = User.objects.select_for_update(no_key=True).get(pk=user_id)
        two_factor.forget_for(unit, user=user, actor_id=actor.id)


def lift_block(*, actor: Principal, name: str, identity: str) -> None:
    """Let somebody in again who went over a limit. Raises: NotAllowedOnUser.

    The day's strikes stay: who goes on is kept out for longer. A process believes its last refusal for a second more.
    """
    if not actor.is_superuser:
        raise NotAllowedOnUser("Only superusers lift blocks.")
    with unit_of_work():
        limiter().unblock(name, identity)
        audit.record(
            actor_id=actor.id, action="rate_limit.lifted", facts={"rule": name, "of": identity.partition(":")[0]}
        )
