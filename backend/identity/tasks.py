"""Jobs about people: what happens after the answer."""

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail

from backend.identity.models import User

MAILS = {
    "two_factor.enabled": (
        "Your second factor is on",
        "From now on, signing in to your account asks for a code of your authenticator app.",
    ),
    "two_factor.disabled": (
        "Your second factor is off",
        "From now on, signing in to your account takes your password alone.",
    ),
    "two_factor.recovery_codes_renewed": (
        "You have new recovery codes",
        "New recovery codes were made for your account. The earlier ones do not work any more.",
    ),
}
NOT_YOU = "If this was not you, set a new password at once and contact us."


@shared_task
def mail_about_security(user_id: int, what: str) -> None:
    """Tell a person by mail what happened to their account. Whoever was erased meanwhile is not told."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return
    subject, text = MAILS[what]
    send_mail(subject, f"{text}\n\n{NOT_YOU}\n", settings.DEFAULT_FROM_EMAIL, [user.email])
