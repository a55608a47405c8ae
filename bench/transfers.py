"""Sending money: `POST /api/transfers/` whole, with everything that it does, against the same rows written by pgbench.

Ours signs in, asks for limits, key, step-up and fraud's verdict, and writes posting, entries, transfer, verdict, budget
entries, the trail and both inboxes. pgbench takes the same locks and writes the same rows in plain SQL.
"""

import asyncio
import itertools
import json
import os
import statistics
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from backend.budget.categories_needed import TRANSFER_IN, TRANSFER_OUT
from bench.figures import Report, percentile
from bench.load import Requester
from bench.rounds import Plan, Variant
from bench.stage import ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
CONNECTIONS = 16
PEOPLE = 1000
TIMES, PLUS_MS = 5, 20
OURS = "POST /api/transfers/"
_AUDIT = """WITH made AS (INSERT INTO bench_audit (log_id, at, actor_id, subject_id, action, action_type, target_type,
    target_id, ip_address, user_agent, facts, detail_hash, key, digest, xid)
VALUES (gen_random_uuid(), now(), :p_user_id, :p_user_id, 'transfer.posted', 'CREATE', 'banking.transfer', :k::text,
    '127.0.0.1', '', '{"amount":"0.01","currency":"USD"}', NULL, 1, decode(repeat('ab', 32), 'hex'), 0) RETURNING id)
INSERT INTO bench_pending (row_id, xid) SELECT id, 0 FROM made;
"""
_BUDGET = """INSERT INTO budget_entry (id, kind, user_id, title, description, amount, creation_date, creation_time,
    category_id, subcategory_id, reference)
VALUES (gen_random_uuid(), '{kind}', :p_{user}, 'To somebody', '', 0.01, current_date, localtime, '{category}',
    {subcategory}, 'bank:' || :t_posting || ':' || :p_{user});
"""
_EVENT = """WITH locked AS (UPDATE realtime_topic SET head = head + 1 WHERE id = :p_{topic} RETURNING head)
INSERT INTO realtime_event (topic_id, seq, kind, payload) SELECT :p_{topic}, head, 'transfer.posted',
    '{{"transfer_id": "0", "account_id": "0", "direction": "out", "amount": "0.01", "currency": "USD"}}' FROM locked;
"""
_SPENT = _BUDGET.format(
    kind="expense",
    user="user_id",
    category=TRANSFER_OUT.category_id,
    subcategory=f"'{TRANSFER_OUT.subcategory_id}'",
)
_EARNED = _BUDGET.format(kind="income", user="payee_user", category=TRANSFER_IN.category_id, subcategory="NULL")
_SENT, _RECEIVED = (_EVENT.format(topic=topic) for topic in ("topic", "payee_topic"))
SCRIPT = f"""\\set n random(1, :people)
\\set k random(1, 1000000000000)
BEGIN;
SELECT pg_try_advisory_xact_lock(hashtextextended('transfer ' || :k::text, 0));
SELECT account, user_id, bank, payee, payee_user, topic, payee_topic FROM bench_people WHERE n = :n \\gset p_
SELECT status, body FROM common_savedanswer
    WHERE actor = 'user:' || :p_user_id AND route = 'POST transfers/' AND key = :k::text;
SELECT kyc_status FROM identity_user WHERE id = :p_user_id FOR SHARE;
SELECT a.*, c.* FROM banking_account a JOIN banking_customer c USING (customer_id)
    WHERE a.account_id IN (:p_account::uuid, :p_payee::uuid) ORDER BY a.account_id FOR NO KEY UPDATE OF a;
SELECT sum(amount), count(*), max(created_at) FROM banking_transfer WHERE source_id = :p_account::uuid
    AND state IN ('posted', 'held') AND created_at >= now() - interval '26 hours';
SELECT min(created_at) FROM identity_session WHERE user_id = :p_user_id;
SELECT id, published_at FROM fraud_ruleset WHERE state = 'PUBLISHED' \\gset r_
INSERT INTO fraud_assessment (at, subject_kind, subject_id, user_id, account_id, account_number, currency, amount,
    rule_set_id, engine, score, is_alert, is_held, inputs, verdict)
VALUES (now(), 'transfer', :k::text, :p_user_id, :p_account, '1', 'USD', 0.01, :r_id, 1, 0, false, false,
    repeat('x', 1200), '{{}}') RETURNING id AS assessment \\gset a_
UPDATE banking_account SET balance = balance - 0.01, updated_at = now() WHERE account_id = :p_account::uuid
    RETURNING balance AS after \\gset s_
UPDATE banking_account SET balance = balance + 0.01, updated_at = now() WHERE account_id = :p_payee::uuid
    RETURNING balance AS after \\gset q_
INSERT INTO banking_posting (bank_id, kind, booked_on, at, actor_id, memo, xid)
VALUES (:p_bank::uuid, 'transfer', current_date, now(), :p_user_id, 'transfer', 0) RETURNING id AS posting \\gset t_
INSERT INTO banking_entry (posting_id, bank_id, account_id, amount, currency, balance_after)
VALUES (:t_posting, :p_bank::uuid, :p_account::uuid, -0.01, 'USD', :s_after),
    (:t_posting, :p_bank::uuid, :p_payee::uuid, 0.01, 'USD', :q_after);
INSERT INTO banking_transfer (id, source_id, target_id, amount, currency, payee_name, memo, state, reason, booked_on,
    is_own, is_confirmed, actor_id, assessment_id, posting_id, created_at, decided_at)
VALUES (gen_random_uuid(), :p_account::uuid, :p_payee::uuid, 0.01, 'USD', '', '', 'posted', '', current_date, false,
    false, :p_user_id, :a_assessment, :t_posting, now(), now());
{_AUDIT}{_SPENT}{_AUDIT}{_EARNED}{_AUDIT}
INSERT INTO common_savedanswer (actor, route, key, request, status, body, created_at)
VALUES ('user:' || :p_user_id, 'POST transfers/', :k::text, decode(repeat('ab', 32), 'hex'), 201, repeat('x', 700),
    now());
{_SENT}{_RECEIVED}COMMIT;
"""


class Sender(Requester):
    """A connection that sends one transfer after the other, each from another person and with a key of its own."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        super().__init__(b"")
        self._requests = requests

    def _ask(self) -> None:
        self._request = next(self._requests)
        super()._ask()


async def measure_transfers(stage: Stage, plan: Plan, report: Report) -> None:
    count = PEOPLE if plan.rounds > 1 else plan.some(320)
    seeded = await asyncio.to_thread(stage.work, "bench.transfers_seed", str(count))
    server = stage.serve(PRODUCT, prefix="transfers")
    stage.ready()
    await asyncio.to_thread(meet, server, seeded)
    senders = [await connected(server, requests_of(server, seeded, place)) for place in range(CONNECTIONS)]
    ours = Variant(OURS, [server], senders)
    plain_p99, our_p99, samples = [], [], []
    for _ in range(plan.rounds):
        delays_s = await asyncio.to_thread(_pgbench, stage, plan.seconds, count)
        plain_p99.append(percentile(delays_s, 0.99) * 1e3)
        samples.append(await ours.sample(warm_up_s=plan.warm_up_s, seconds=plan.seconds))
        our_p99.append(samples[-1].delay_ms(0.99))
    ours.close()
    failed = {one.failed for one in senders if one.failed}
    if failed:
        raise RuntimeError(f"transfers failed: {failed}")
    report.table(f"Sending money, {CONNECTIONS} at once", "transfer", {OURS: samples})
    report.line(
        "the same rows by pgbench", p99_ms=statistics.median(plain_p99), last_round_per_s=len(delays_s) / plan.seconds
    )
    allowed = [TIMES * one + PLUS_MS for one in plain_p99]
    ratio = statistics.median(one / most for one, most in zip(our_p99, allowed, strict=True))
    report.hold(f"transfer p99 / ({TIMES} x pgbench p99 + {PLUS_MS} ms)", ratio, at_most=1)


def requests_of(server: ServerProcess, seeded: dict[str, Any], place: int) -> Iterator[bytes]:
    mine = seeded["people"][place::CONNECTIONS]
    for number, person in enumerate(itertools.cycle(mine)):
        head, content = _request(server, seeded["bank"], person, key=f"{place}-{number}")
        yield head + content


def _request(server: ServerProcess, bank: str, person: dict[str, str], *, key: str) -> tuple[bytes, bytes]:
    body = {
        "source": person["source"],
        "bank": bank,
        "account_number": person["payee"],
        "amount": "0.01",
        "memo": "Tea",
    }
    content = json.dumps(body).encode()
    head = (
        f"POST /api/transfers/ HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {person['token']}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode(), content


def meet(server: ServerProcess, seeded: dict[str, Any]) -> None:
    """Send a few before anything is measured: the first request of a process loads what the others find loaded."""
    for number, person in enumerate(seeded["people"][:8]):
        _, content = _request(server, seeded["bank"], person, key="")
        headers = {
            "Authorization": f"Bearer {person['token']}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"first-{number}",
        }
        request = urllib.request.Request(f"{server.base_url}/api/transfers/", content, headers)
        with urllib.request.urlopen(request) as answer:
            if json.loads(answer.read())["state"] != "posted":
                raise RuntimeError("the first transfers were held")


async def connected(server: ServerProcess, requests: Iterator[bytes]) -> Sender:
    _, made = await asyncio.get_running_loop().create_connection(lambda: Sender(requests), "127.0.0.1", server.port)
    return made


def _pgbench(stage: Stage, seconds: float, people: int) -> Sequence[float]:
    """Return how long each transaction took, in seconds."""
    with tempfile.TemporaryDirectory(dir=stage.home) as folder:
        script = Path(folder) / "transfer.sql"
        script.write_text(SCRIPT)
        options = [
            "-n",
            "-M",
            "prepared",
            "-c",
            str(CONNECTIONS),
            "-T",
            str(max(1, round(seconds))),
            "-D",
            f"people={people}",
        ]
        command = [
            *(str(stage.embedded.postgres_program("pgbench")), *options),
            *("-l", "--log-prefix", f"{folder}/delays", "-f", str(script), stage.embedded.database_url),
        ]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        lines = "".join(path.read_text() for path in Path(folder).glob("delays.*")).splitlines()
    return [int(line.split()[2]) / 1e6 for line in lines]
