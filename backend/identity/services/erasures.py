"""Erasing a person (E-COMP-4): who they were goes, that something happened stays."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType

from backend.audit import services as audit
from backend.common import hooks
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity.errors import LastSuperuser
from backend.identity.models import LoginLog, PasswordReset, Session, User
from backend.identity.services import factors, sessions, users

FORMER_NAME = "Former customer"


def erase_self(*, actor: Principal) -> None:
    """Anonymise the caller's account, end every session, and have each slice do its part. Cannot be undone.

    The row and its id stay, and with them everything that refers to it; names, addresses, devices and the password
    go. Repeating it is not possible: nobody can sign in any more.
    Raises: LastSuperuser. Locks: what `is_last_superuser` does, then the user row.
    """
    with unit_of_work() as unit:
        if users.is_last_superuser(actor.id):
            raise LastSuperuser
        user = User.objects.select_for_update(no_key=True).get(pk=actor.id)
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
    seen_on_pages = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk)
    )
    seen_on_pages.update(object_repr=address)
