"""Posting: the ledger's service against pgbench running the same in plain SQL, on the same PostgreSQL and cores.

One process with a few connections each, on the core of the measured servers; PostgreSQL has the others. They take
turns, so that the machine's moods meet both, and what is compared is what each got done in the same time.
"""

import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import machine
from bench.figures import Report
from bench.rounds import Plan
from bench.stage import ROOT, Stage

CONNECTIONS = 4
ACCOUNTS = 1_000
# What anybody would write: lock both in order, move both balances, keep the posting and its two entries. It writes the
# product's own tables, with their constraints and triggers, as prepared statements.
PLAIN = r"""
\set one random(1, {accounts})
\set step random(1, {accounts} - 1)
\set other (:one + :step - 1) % {accounts} + 1
{other_is}
BEGIN;
SELECT balance, held FROM banking_account WHERE account_id IN ({id_one}, {id_other})
    ORDER BY account_id FOR NO KEY UPDATE;
UPDATE banking_account SET balance = balance - 0.01, updated_at = now() WHERE account_id = {id_one}
    RETURNING balance \gset one_
UPDATE banking_account SET balance = balance + 0.01, updated_at = now() WHERE account_id = {id_other}
    RETURNING balance \gset other_
INSERT INTO banking_posting (bank_id, kind, booked_on, at, memo, xid)
    VALUES ('{bank}', 'transfer', now()::date, now(), '', 0) RETURNING id \gset posting_
INSERT INTO banking_entry (posting_id, bank_id, account_id, amount, currency, balance_after)
    VALUES (:posting_id, '{bank}', {id_one}, -0.01, 'USD', :one_balance);
INSERT INTO banking_entry (posting_id, bank_id, account_id, amount, currency, balance_after)
    VALUES (:posting_id, '{bank}', {id_other}, 0.01, 'USD', :other_balance);
COMMIT;
"""
# As bench/banking_work.py numbers them.
ACCOUNT_ID = "('{head}' || lpad(to_hex(:{number}::int), 12, '0'))::uuid"


async def measure_banking(stage: Stage, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(_measure, stage, plan, report)


def _measure(stage: Stage, plan: Plan, report: Report) -> None:
    with _Poster(stage) as poster:
        print(f"\nPostings on {CONNECTIONS} connections, cores shared alike", flush=True)
        for mode, other in (("spread", ""), ("hot", r"\set other 1")):
            ours, plain = _in_turns(stage, plan, poster, mode, poster.script(other))
            name = "all into one hot account" if other else f"spread over {ACCOUNTS:,} accounts"
            report.line(name, ours_a_second=statistics.median(ours), pgbench_a_second=statistics.median(plain))
            ratio = statistics.median(one / two for one, two in zip(ours, plain, strict=True))
            report.hold(f"postings {mode} / pgbench in plain SQL, rate", ratio, at_least=0.25)
        report.line("spread, each with its audit row", ours_a_second=poster.run("audited", plan.seconds))
        found = poster.ask("verify")
        report.line("proving the books", postings=found["postings"], seconds=found["seconds"])
        report.hold("verify_ledger: findings after all this", found["findings"], at_most=0)


def _in_turns(stage: Stage, plan: Plan, poster: "_Poster", mode: str, script: str) -> tuple[list[float], list[float]]:
    """Return what each got done a second, round by round."""
    ours, plain = [], []
    for number in range(plan.rounds):
        if number % 2 == 0:
            ours.append(poster.run(mode, plan.seconds))
        plain.append(_pgbench(stage, script, plan.seconds))
        if number % 2 == 1:
            ours.append(poster.run(mode, plan.seconds))
    return ours, plain


class _Poster:
    """The process that posts by the service, and says how much it did."""

    def __init__(self, stage: Stage) -> None:
        environment = {**stage.environment, "DJANGO_SETTINGS_MODULE": "bench.settings"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.banking_work", str(ACCOUNTS), str(CONNECTIONS)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._seeded = self._answer()
        machine.pin(self._process.pid, machine.CORES[0])

    def __enter__(self) -> "_Poster":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def script(self, other: str) -> str:
        ids = {f"id_{name}": ACCOUNT_ID.format(head=self._seeded["head"], number=name) for name in ("one", "other")}
        return PLAIN.format(accounts=ACCOUNTS, bank=self._seeded["bank"], other_is=other, **ids)

    def run(self, mode: str, seconds: float) -> float:
        """Post for so long; return postings a second."""
        return float(self.ask(mode, seconds)["a_second"])

    def ask(self, *words: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that posts has ended")
        return dict(json.loads(line))


def _pgbench(stage: Stage, script: str, seconds: float) -> float:
    """Return transactions a second, connecting left out."""
    with tempfile.TemporaryDirectory(dir=stage.home) as folder:
        file = Path(folder) / "post.sql"
        file.write_text(script)
        program = stage.embedded.postgres_program("pgbench")
        options = ["-n", "-M", "prepared", "-c", str(CONNECTIONS), "-T", str(max(1, round(seconds))), "-f", str(file)]
        done = subprocess.run(
            [program, *options, stage.embedded.database_url],
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            preexec_fn=lambda: os.sched_setaffinity(0, machine.CORES[0]),
        )
    found = re.search(r"tps = ([\d.]+) \(without initial", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench said nothing that we know:\n{done.stdout}{done.stderr}")
    return float(found[1])
