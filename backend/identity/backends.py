"""Django's own sign-in (the admin site's form) behind the same locks, log and timing as the doors."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from backend.common.errors import TooMany
from backend.identity.errors import AccountBlocked, BadCredentials
from backend.identity.models import User
from backend.identity.services import signing_in


class LockingBackend(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the user whose password this is; None also when the account is locked or blocked."""
        if username is None or password is None:
            return None
        try:
            return signing_in.check_credentials(identifier=username, password=password, platform="admin site").user
        except (BadCredentials, AccountBlocked, TooMany):
            return None
