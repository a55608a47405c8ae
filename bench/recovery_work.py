"""`python -m bench.recovery_work ROWS FOLDER`: fill a database, back it up, restore it elsewhere, prove it; JSON."""

import json
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from backend.audit.services import sealing  # noqa: E402
from backend.banking.models import Account, Bank, Customer, InternalAccount, InternalKind  # noqa: E402
from backend.common import backups  # noqa: E402
from backend.common.backups.making import back_up  # noqa: E402
from backend.common.backups.programs import _connection, _program  # noqa: E402
from backend.common.backups.restoring import restore  # noqa: E402
from bench.variants.trail import _fill  # noqa: E402

ACCOUNTS = 1000
A_TOPIC = 100
BATCH = 20_000
SOURCE, RESTORED, PLAIN = "bench_lost", "bench_restored", "bench_plain"

_TOPICS = (
    """INSERT INTO realtime_topic (key, head) SELECT 'chat.' || gen_random_uuid(), %s FROM generate_series(1, %s)"""
)
_EVENTS = """INSERT INTO realtime_event (topic_id, seq, kind, author_id, client_id, text_hash, payload)
SELECT t.id, n, 'message', t.id %% 5000, t.id || '-' || n, n,
    jsonb_build_object('id', gen_random_uuid(), 'user_id', t.id, 'user', 'Bo', 'role', 'customer',
        'message', 'Good morning, I have a question about my last statement. ' || n)
FROM realtime_topic t, generate_series(1, %s) AS n WHERE t.key LIKE 'chat.%%'"""
# The check at each commit is what pays for a million single rows; here they are made many at a time.
_QUICKLY = "ALTER TABLE banking_posting DISABLE TRIGGER banking_posting_balances"
_GUARDED = "ALTER TABLE banking_posting ENABLE ALWAYS TRIGGER banking_posting_balances"
_POSTINGS = """WITH made AS (
    INSERT INTO banking_posting (bank_id, kind, booked_on, at, memo, xid)
    SELECT %(bank)s, 'deposit', current_date, now(), '', 0 FROM generate_series(1, %(count)s) RETURNING id
), numbered AS (SELECT id, %(before)s + row_number() OVER (ORDER BY id) - 1 AS n FROM made)
INSERT INTO banking_entry (posting_id, bank_id, account_id, internal_account_id, amount, currency, balance_after)
SELECT m.id, %(bank)s, side.account, side.internal, side.amount, 'USD', side.after
FROM numbered m JOIN bench_numbered a ON a.n = m.n %% %(accounts)s
CROSS JOIN LATERAL (VALUES
    (a.account_id, NULL::bigint, 1.00, (m.n / %(accounts)s + 1)::numeric(20, 2)),
    (NULL::uuid, %(cash)s::bigint, -1.00, NULL::numeric(20, 2))) AS side(account, internal, amount, after)
ORDER BY m.n, side.after"""


def main(rows: int, folder: Path) -> None:
    _go_to(SOURCE)  # What other parts of the bench have left is nothing to lose here.
    call_command("migrate", verbosity=0)
    _messages(rows)
    _postings(rows)
    audit_rows = rows // 10
    _fill(audit_rows)
    while sealing.run(batch=5000):
        pass
    sealing.sign_checkpoint()
    before = _contents()
    made = back_up(folder)
    source = connection.settings_dict["NAME"]
    _go_to(RESTORED)
    done = restore(folder, verify=False)
    after = _contents()
    since = time.perf_counter()
    findings = [finding for proof in backups.proofs.values() for finding in proof.prove()[0]]
    verify_s = time.perf_counter() - since
    plain_s = _plainly(source)
    found = {
        "audit_rows": audit_rows,
        "backup_s": made.seconds,
        "dump_bytes": made.dump_bytes,
        "restore_s": done.seconds,
        "verify_s": verify_s,
        "differ": sum(before[table] != after.get(table) for table in before),
        "findings": len(findings),
        "ratio": done.seconds / plain_s,
    }
    json.dump(found, sys.stdout)


def _messages(rows: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TOPICS, [A_TOPIC, rows // A_TOPIC])
        cursor.execute(_EVENTS, [A_TOPIC])


def _postings(rows: int) -> None:
    bank = Bank.objects.create(bank_name=f"Bench {uuid.uuid4().hex[:6]}")
    customer = Customer.objects.create(first_name="Bo")
    Account.objects.bulk_create(
        Account(bank=bank, customer=customer, account_number=str(number), balance=rows // ACCOUNTS)
        for number in range(ACCOUNTS)
    )
    cash = InternalAccount.objects.create(bank=bank, kind=InternalKind.CASH, currency="USD")
    role = connection.settings_dict["USER"]
    _become("postgres")
    with connection.cursor() as cursor:
        # Foreign keys are not asked for each of the millions; the ledger's own guards are, always.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "CREATE TABLE bench_numbered AS SELECT account_id, account_number::int AS n FROM banking_account"
            " WHERE bank_id = %s",
            [bank.pk],
        )
        cursor.execute(_QUICKLY)
        for start in range(0, rows, BATCH):
            told = {"bank": bank.pk, "cash": cash.pk, "accounts": ACCOUNTS, "before": start}
            cursor.execute(_POSTINGS, {**told, "count": min(BATCH, rows - start)})
            if start in (0, 5 * BATCH):  # The triggers' plans are made from what is there.
                cursor.execute("ANALYZE banking_posting, banking_entry, bench_numbered")
        cursor.execute(_GUARDED)
        cursor.execute("DROP TABLE bench_numbered")
        cursor.execute("ANALYZE")
    _become(role)


def _become(role: str) -> None:
    """Go on as another role of the embedded database: they have one secret."""
    connection.close()
    connection.settings_dict["USER"] = role


def _contents() -> dict[str, Any]:
    """Return, for each table, how many rows it has and a hash of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM "{table}" t')
            found[table] = cursor.fetchone()
        return found


def _go_to(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    connection.settings_dict["NAME"] = name


def _plainly(source: str) -> float:
    """Dump and restore the same with PostgreSQL's own programs alone; return how long the restore took."""
    connection.close()
    connection.settings_dict["NAME"] = source
    with tempfile.NamedTemporaryFile(suffix=".dump") as dump:
        options = ["--format=custom", "--compress=1", f"--file={dump.name}"]
        subprocess.run([_program("pg_dump"), *options], env=_connection(), check=True)
        _go_to(PLAIN)
        since = time.perf_counter()
        restoring = [_program("pg_restore"), "--single-transaction", "--no-owner", "--dbname", PLAIN, dump.name]
        subprocess.run(restoring, env=_connection(), check=True)
        return time.perf_counter() - since


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
