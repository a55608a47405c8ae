"""What several do at the same moment: in threads of this process, or in processes of their own.

A writer process reads lines of JSON, each a list of calls that it makes at once, and answers each with a line of their
outcomes.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
Call = tuple[str, dict[str, Any]]


def outcome_of(name: str, given: dict[str, Any]) -> str:
    """Make a call, and return in a word what came of it; what was refused is its code."""
    from backend.common.errors import DomainError

    try:
        return str(_calls()[name](**given))
    except DomainError as refusal:
        return refusal.code


def _calls() -> dict[str, Callable[..., Any]]:
    """By name. Imported late: a writer process sets Django up first."""
    from backend.banking import ledger
    from backend.banking.ledger import Line
    from backend.banking.models import Door, PostingKind
    from backend.banking.services import loans, payments
    from backend.banking.tests.people_factories import wander
    from backend.common.idempotency import idempotent
    from backend.common.unit_of_work import unit_of_work

    def pay(account: str, amount: str, external_id: str | None = None) -> str:
        made = payments.pay(
            actor_id=None, account_id=uuid.UUID(account), total_amount=Decimal(amount), external_id=external_id
        )
        return made.status

    def keyed(key: str, account: str, amount: str) -> str:
        body = {"account": account, "amount": amount}
        answer = idempotent(
            actor="key:test",
            route="POST payments/",
            key=key,
            request_body=body,
            make=lambda: (201, {"status": pay(account, amount, external_id=key)}),
        )
        return "replayed" if answer.replayed else "new"

    def lend(account: str, amount: str) -> str:
        return loans.create_loan(
            actor_id=None, account_id=uuid.UUID(account), amount=Decimal(amount), door=Door.PARTNER
        ).state

    def activate(loan: str) -> str:
        return loans.activate_loan(actor_id=None, loan_id=uuid.UUID(loan)).state

    def reject(loan: str) -> str:
        return loans.reject_loan(actor_id=None, loan_id=uuid.UUID(loan)).state

    def pass_on(accounts: list[str], start: int, times: int) -> int:
        """Hand a cent from one to the next, round the circle; every other time the other way."""
        ring = [uuid.UUID(account) for account in accounts]
        for step in range(start, start + times):
            pair = ring[step % len(ring)], ring[(step + 1) % len(ring)]
            with unit_of_work():
                out, into = ledger.lock_accounts(*(pair if step % 2 else pair[::-1]))
                lines = [Line(Decimal("-0.01"), account=out), Line(Decimal("0.01"), account=into)]
                ledger.post(bank=out.bank, kind=PostingKind.TRANSFER, lines=lines, currency=out.currency, actor_id=None)
        return times

    return {found.__name__: found for found in (pay, keyed, lend, activate, reject, pass_on, wander)}


def in_threads(calls: Sequence[Call]) -> list[str]:
    from backend.tests.commits import in_parallel

    return [str(found) for found in in_parallel(*(lambda call=call: outcome_of(*call) for call in calls))]


class Writers:
    """Processes that write. Their outcomes come in any order."""

    def __init__(self, count: int, *, database_url: str, folder: Path, **env: str) -> None:
        self._env = {**os.environ, "DJANGO_SETTINGS_MODULE": "djangocrud.settings_test", "DATABASE_URL": database_url}
        self._env.update(env)
        self._log = folder / "writers.log"
        self.processes = [self.start() for _ in range(count)]

    def start(self) -> "subprocess.Popen[str]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "backend.banking.tests.writers"],
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def run(self, calls: Sequence[Call]) -> list[str]:
        """Share the calls out, have all processes make theirs at once, and return all outcomes."""
        count = len(self.processes)
        for place, process in enumerate(self.processes):
            assert process.stdin is not None
            process.stdin.write(json.dumps(calls[place::count]) + "\n")
            process.stdin.flush()
        return [outcome for process in self.processes for outcome in json.loads(self._line_of(process))]

    def _line_of(self, process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a writer ended:\n{self._log.read_text()[-4000:]}")
        return line

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        _say(json.dumps(in_threads([(name, given) for name, given in json.loads(line)])))


if __name__ == "__main__":
    main()
