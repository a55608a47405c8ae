"""`manage.py setup_roles`: put back what the migration once made (S2-O3). Safe at any time."""

from importlib import import_module
from typing import Any

from django.core.management.base import BaseCommand

from backend.identity.services import roles

STANDARD: dict[str, tuple[str, list[str]]] = import_module("backend.identity.migrations.0002_seed_roles").ROLES


class Command(BaseCommand):
    help = "Make the roles that are missing, as they were in the beginning. Those that are there stay as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        made = roles.restore_roles(standard=STANDARD)
        self.stdout.write(f"made: {', '.join(made)}" if made else "every role is there")
