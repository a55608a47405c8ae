"""`python -m bench.banking_work ACCOUNTS CONNECTIONS`: posts by the ledger's service, as it is told on standard input.

Prints JSON, a line for each: first where the accounts are, then what each command found.
"""

import json
import random
import sys
import threading
import time
from decimal import Decimal
from uuid import UUID

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from backend.audit import services as audit  # noqa: E402
from backend.banking import ledger  # noqa: E402
from backend.banking.ledger import Line  # noqa: E402
from backend.banking.models import Account, Bank, Customer, InternalKind, PostingKind  # noqa: E402
from backend.banking.verification import verify  # noqa: E402
from backend.common.unit_of_work import unit_of_work  # noqa: E402

HEAD = "00000000-0000-4000-8000-"  # bench/banking.py counts from here, too
RICH = Decimal(1_000_000)
CENT = Decimal("0.01")
WARM_UP_S = 0.2


def main(accounts: int, connections: int) -> None:
    call_command("migrate", verbosity=0)
    bank = _seed(accounts)
    _say({"bank": str(bank.pk), "head": HEAD})
    for line in sys.stdin:
        mode, *rest = line.split()
        if mode == "verify":
            report = verify()
            _say({"postings": report.postings, "seconds": report.seconds, "findings": len(report.findings)})
        else:
            _say({"a_second": _post_for(float(rest[0]), mode, accounts, connections)})


def account_id(number: int) -> UUID:
    return UUID(f"{HEAD}{number:012x}")


def _seed(accounts: int) -> Bank:
    bank = Bank.objects.create(bank_name="Bench")
    customer = Customer.objects.create(first_name="Bo")
    Account.objects.bulk_create(
        Account(account_id=account_id(number), bank=bank, customer=customer, account_number=str(number))
        for number in range(1, accounts + 1)
    )
    for number in range(1, accounts + 1):
        with unit_of_work():
            (locked,) = ledger.lock_accounts(account_id(number))
            lines = [Line(RICH, account=locked), Line(-RICH, internal=(bank.pk, InternalKind.CASH))]
            ledger.post(bank=bank, kind=PostingKind.OPENING, lines=lines, currency="USD", actor_id=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return bank


def _post_for(seconds: float, mode: str, accounts: int, connections: int) -> float:
    """Post on so many connections at once; return postings a second, behind a warm-up."""
    done = [0] * connections
    begins = time.monotonic() + WARM_UP_S
    ends = begins + seconds

    def work(place: int) -> None:
        pick = random.Random(place)
        while (now := time.monotonic()) < ends:
            one = pick.randint(2, accounts)
            other = 1 if mode == "hot" else (one + pick.randint(1, accounts - 1) - 1) % accounts + 1
            _post(account_id(one), account_id(other), with_audit=mode == "audited")
            done[place] += now >= begins
        connection.close()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


def _post(one: UUID, other: UUID, *, with_audit: bool) -> None:
    with unit_of_work():
        out, into = ledger.lock_accounts(one, other)
        posting = ledger.post(
            bank=out.bank,
            kind=PostingKind.TRANSFER,
            lines=[Line(-CENT, account=out), Line(CENT, account=into)],
            currency=out.currency,
            actor_id=None,
        )
        if with_audit:
            audit.record(actor_id=None, action="posting.made", target=posting)


def _say(found: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
