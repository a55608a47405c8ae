"""Django's own sign-in (the admin site's form) behind the same locks, log and timing as the doors."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from backend.common.errors import TooMany
from backend.identity.authentication import DEVICE_COOKIE
from backend.identity.errors import AccountBlocked, BadCredentials
from backend.identity.models import User
from backend.identity.services import signing_in

PLATFORM = "admin site"


class LockingBackend(ModelBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        *,
        otp: str = "",
        **kwargs: Any,
    ) -> User | None:
        """Return the member of staff whose password this is; None also when the account is locked or blocked.

        Raises: OtpRequired, OtpInvalid: after the right password of somebody who has enrolled.
        """
        if username is None or password is None:
            return None
        device_token = request.COOKIES.get(DEVICE_COOKIE, "") if request is not None else ""
        try:
            checked = signing_in.check_credentials(
                identifier=username, password=password, platform=PLATFORM, device_token=device_token, otp=otp
            )
        except (BadCredentials, AccountBlocked, TooMany):
            return None
        if not signing_in.admit_staff(checked, platform=PLATFORM):
            return None
        if checked.device is not None:
            seen: Any = checked.user
            seen.otp_device = checked.device  # django-otp keeps it in the session that is opened now.
        return checked.user
