"""A process that sends money round a circle: `python -m backend.banking.tests.senders TIMES ACCOUNT…`.

It says in the end how many transfers were made; one that is refused, or gives way to another, was none.
"""

import random
import sys
from uuid import UUID


def main() -> None:
    import django

    django.setup()
    from django.db import OperationalError

    from backend.banking.models import Account
    from backend.banking.tests.people_factories import send
    from backend.common.database import gave_way
    from backend.common.errors import DomainError

    times, *names = sys.argv[1:]
    ring = [Account.objects.select_related("customer").get(pk=UUID(name)) for name in names]
    made = 0
    for _ in range(int(times)):
        place = random.randrange(len(ring))  # noqa: S311 - any order will do
        step = random.choice([1, -1])  # noqa: S311
        try:
            send(ring[place], ring[(place + step) % len(ring)], f"{random.randint(1, 300) / 100:.2f}")  # noqa: S311
        except DomainError:
            continue
        except OperationalError as fault:
            if not gave_way(fault):
                raise
            continue
        made += 1
    sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    main()
