"""`python -m bench.seed N`: migrate, make N chats with a customer and an agent each, and print them with tokens."""

import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.backends.utils import CursorWrapper  # noqa: E402

from backend.common.principal import CUSTOMER, SUPPORT_AGENT  # noqa: E402
from backend.identity.models import Role, User, UserRole  # noqa: E402
from backend.identity.services.sessions import open_session  # noqa: E402
from backend.support.models import Chat  # noqa: E402


def main(count: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("migrate", run_syncdb=True, verbosity=0)  # the textbook's table, which has no migration
    customers, agents = people(count, CUSTOMER), people(count, SUPPORT_AGENT)
    now = datetime.now(UTC)
    pairs = list(zip(customers, agents, strict=True))
    chats = Chat.objects.bulk_create(Chat(customer=one, admin=other, assigned_at=now) for one, other in pairs)
    seeded = [
        {
            "id": str(chat.pk),
            "customer": token_of(chat.customer),
            "agent": token_of(chat.admin),
            "agent_id": chat.admin_id,
        }
        for chat in chats
    ]
    json.dump(seeded, sys.stdout)


def people(count: int, role_name: str) -> list[User]:
    """Make people with one role, who cannot sign in."""
    run = uuid.uuid4().hex[:8]
    emails = [f"{role_name.lower()}{number}-{run}@bench.example" for number in range(count)]
    made = User.objects.bulk_create(
        User(email=email, username=email, password="!", first_name="Bo") for email in emails
    )
    role = Role.objects.get(name=role_name)
    UserRole.objects.bulk_create(UserRole(user=user, role=role) for user in made)
    return made


@contextmanager
def unchecked(cursor: CursorWrapper, *tables: str) -> Iterator[None]:
    """Let rows be written into these tables with their foreign keys unchecked: there are many, and we know."""
    cursor.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)",
        [list(tables)],
    )
    references = cursor.fetchall()
    for table, name, _ in references:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for table, name, definition in references:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")


def token_of(user: User) -> str:
    """Open a session for them, and return its access token."""
    return open_session(user=user, door="s1").access


if __name__ == "__main__":
    main(int(sys.argv[1]))
