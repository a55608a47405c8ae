"""`manage.py turn_webhook_keys`: seal webhooks' secrets by the newest key, so that older ones may go."""

from typing import Any

from django.core.management.base import BaseCommand

from backend.banking.services.webhooks import endpoints


class Command(BaseCommand):
    help = "Seal webhooks' secrets by the newest ENCRYPTION_KEY_WEBHOOKS. Safe to stop and to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        turned, failed = endpoints.turn_keys()
        self.stdout.write(f"{turned} sealed by the newest key, {failed} could not be opened")
