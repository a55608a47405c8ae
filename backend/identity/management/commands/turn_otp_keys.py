"""`manage.py turn_otp_keys`: seal the secrets of authenticator apps by the newest key, so that older ones may go."""

from typing import Any

from django.core.management.base import BaseCommand

from backend.identity.services import factors


class Command(BaseCommand):
    help = "Seal authenticator apps' secrets by the newest ENCRYPTION_KEY_OTP. Safe to stop and to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        turned, failed = factors.turn_keys()
        self.stdout.write(f"{turned} sealed by the newest key, {failed} could not be opened")
