"""An authenticator app in the hands of a test, and a clock that it can move."""

import base64
import time
from types import SimpleNamespace
from typing import Any

import pytest
from django_otp.oath import hotp
from rest_framework.test import APIClient

from backend.conftest import PASSWORD
from backend.identity.models import User, factors
from backend.identity.principals import principal_of
from backend.identity.services import sessions, two_factor


class Phone:
    """A phone with an app on it. Its clock is the server's, and each code it shows is a new one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = float(int(time.time()) // 30 * 30)
        self.secret = b""
        self.recovery_codes: list[str] = []
        monkeypatch.setattr(factors, "time", SimpleNamespace(time=lambda: self.now))

    def scan(self, secret: str) -> None:
        self.secret = base64.b32decode(secret)

    def code(self, *, steps: int = 0) -> str:
        """Wait for the next code and return it; `steps` before or after it, without waiting for those."""
        if not steps:
            self.now += 30
        return self.shown(steps=steps)

    def shown(self, *, steps: int = 0) -> str:
        return f"{hotp(self.secret, int(self.now) // 30 + steps):06}"

    def enrol(self, user: User) -> None:
        """Enrol the user, so that the second factor is on."""
        actor = principal_of(user, sid=sessions.open_session(user=user, door="s1").sid)
        self.scan(two_factor.enrol(actor=actor, password=PASSWORD).secret)
        self.recovery_codes = two_factor.confirm(actor=actor, otp=self.code())


def grant_of(client: APIClient, action: str, parameters: Any = None, **proof: str) -> Any:
    """Ask for a step-up token."""
    body = {"action": action, "parameters": parameters or {}, **proof}
    return client.post("/api/auth/step-up/", body)
