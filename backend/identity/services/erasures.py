"""Erasing a person (E-COMP-4): who they were goes, that something happened stays."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType

from backend.audit import services as audit
from backend.common import hooks
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.errors import ErasureBlocked, LastSuperuser
from backend.identity.models import LoginLog, PasswordReset, RuleNotice, Session, User
from backend.identity.services import exports, factors, sessions, step_up, users

FORMER_NAME = "Former customer"


ERASE = "person.erase"


def erase_self(*, actor: Principal, step_up_token: str = "") -> None:
    """Anonymise the caller's account, end every session, and have each slice do its part. Cannot be undone.

    The row and its id stay, and with them everything that refers to it; names, addresses, devices and the password
    go. Repeating it is not possible: nobody can sign in any more.
    Whoever has a second factor confirms it by a step-up token: a stolen token must not end an account for good.
    Raises: LastSuperuser, ErasureBlocked (a slice has something to settle first), StepUpRequired. Locks: what
    `is_last_superuser` does, then the user row.
    """
    with unit_of_work() as unit:
        if users.is_last_superuser(actor.id):
            raise LastSuperuser
        user = User.objects.select_for_update(no_key=True).get(pk=actor.id)
        reasons: list[str] = []
        hooks.person_leaving(hooks.Leaving(user.pk, reasons.append))
        if reasons:
            raise ErasureBlocked(reasons=reasons)
        if factors.is_enrolled(user.pk):
            step_up.require(actor=actor, action=ERASE, parameters={}, token=step_up_token)
        audit.record(actor_id=user.pk, action="user.erased", target=user)
        sessions.end_all_sessions(user_id=user.pk, reason="erased")
        _anonymise(user)
        sessions.principal_changed(unit, user_id=user.pk)
        hooks.person_erased(hooks.Erasure(user.pk, FORMER_NAME))


def _anonymise(user: User) -> None:
    address = f"erased-{user.pk}@erased.invalid"
    user.email = user.username = address
    user.first_name = user.last_name = user.phone_number = ""
    user.name = FORMER_NAME
    user.password = make_password(None)
    user.is_active = user.is_staff = user.is_superuser = False
    user.last_login_ip = None
    user.save()
    LoginLog.objects.filter(user=user).update(ip_address=None, platform_os="")
    Session.objects.filter(user=user).update(ip_address=None, user_agent="", name="", platform="")
    PasswordReset.objects.filter(user=user).delete()
    factors.forget(user)
    exports.forget(user.pk)
    RuleNotice.objects.filter(user=user).delete()
    seen_on_pages = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    )
    seen_on_pages.update(object_repr=address)
