"""`python -m bench.variants.trail ROWS WRITES`: what the audit trail costs, measured in this process, printed as JSON.

Recording: WRITES changes of one's own name through its service, with and without a row in the trail, in turns. What
counts is the CPU of this process and of the database's process for it. Then ROWS rows are sealed and verified.
"""

import io
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from backend.audit import keys  # noqa: E402
from backend.audit import services as audit  # noqa: E402
from backend.audit.offline.chain import digest_of, row_bytes  # noqa: E402
from backend.audit.services import sealing  # noqa: E402
from backend.audit.services.recording import new_log_id, written  # noqa: E402
from backend.audit.verification import verify  # noqa: E402
from backend.identity.models import User  # noqa: E402
from backend.identity.principals import principal_of  # noqa: E402
from backend.identity.services import profiles  # noqa: E402
from backend.realtime import bell  # noqa: E402
from bench import machine  # noqa: E402

WARM_UP = 40
RECORD = audit.record


def main(rows: int, writes: int) -> None:
    call_command("migrate", verbosity=0)
    bell.set_ringer(lambda events: None)  # As in a server, where the hub rings.
    found = {**_recording(writes), **_sealing(rows), **_verifying()}
    json.dump(found, sys.stdout)


def _recording(writes: int) -> dict[str, Any]:
    """Alternate write by write, so that the machine's moods meet both alike; medians, since it interrupts some."""
    user = User.objects.create_user("bench@bench.example", None, first_name="Bo")
    actor = principal_of(user)
    backend = _backend()
    cpu: dict[bool, list[float]] = {True: [], False: []}
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * writes + WARM_UP):
        is_recorded = number % 2 == 0
        audit.record = RECORD if is_recorded else _nothing
        used, since = _cpu(backend), time.perf_counter()
        profiles.update_profile(actor=actor, changes={"first_name": f"Bo{number}"})
        if number >= WARM_UP:
            cpu[is_recorded].append(_cpu(backend) - used)
            times[is_recorded].append(time.perf_counter() - since)
    audit.record = RECORD
    with_, without = (statistics.median(cpu[is_recorded]) for is_recorded in (True, False))
    return {
        "with_us": with_ * 1e6,
        "without_us": without * 1e6,
        "cpu_ratio": with_ / without,
        "time_ratio": statistics.median(times[True]) / statistics.median(times[False]),
    }


def _nothing(**facts: Any) -> int:
    return 0


def _cpu(backend: int) -> float:
    """Return what this process and the database's process that works for it have used."""
    return time.process_time() + machine.cpu_seconds(backend)


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _sealing(rows: int) -> dict[str, Any]:
    sealing.run()
    _fill(rows)
    since, cpu, sealed = time.perf_counter(), _cpu(_backend()), 0
    while made := sealing.run(batch=5000):
        sealed += made
    return {"rows": sealed, "sealing_s": time.perf_counter() - since, "sealing_cpu_s": _cpu(_backend()) - cpu}


def _fill(rows: int) -> None:
    """Store rows as `record` would have, by COPY: what is measured is what comes after."""
    version, at = keys.newest(), written(datetime.now(UTC))
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('audit_log_id_seq'), pg_current_xact_id()::text")
        first, xid = cursor.fetchone()
        columns = "id, log_id, at, actor_id, subject_id, action, action_type, target_type, target_id, ip_address, "
        columns += "user_agent, facts, key, digest, xid"
        for start in range(first + 1, first + 1 + rows, 50_000):
            numbers = range(start, min(start + 50_000, first + 1 + rows))
            text = "".join(_copied(number, at, xid, version) for number in numbers)
            cursor.copy_expert(f"COPY audit_log ({columns}) FROM STDIN", io.StringIO(text))
            pending = "".join(f"{number}\t{xid}\n" for number in numbers)
            cursor.copy_expert("COPY audit_pending (row_id, xid) FROM STDIN", io.StringIO(pending))
        cursor.execute("SELECT setval('audit_log_id_seq', %s)", [first + rows])
        cursor.execute("ANALYZE audit_log, audit_pending")


def _copied(number: int, at: str, xid: str, version: keys.Version) -> str:
    row = {
        "action": "session.opened",
        "action_type": "LOGIN",
        "actor_id": number % 5000,
        "at": at,
        "detail_hash": None,
        "facts": '{"door":"s1","sid":"0b6f2a1e-5b7e-4c0e-8d0a-0d6f1a2b3c4d"}',
        "ip_address": "192.0.2.7",
        "key": version.number,
        "log_id": new_log_id(),
        "subject_id": number % 5000,
        "target_id": str(number % 5000),
        "target_type": "identity.user",
        "user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)",
    }
    digest = digest_of(version.keys.digest, row_bytes(row))
    order = ("log_id", "at", "actor_id", "subject_id", "action", "action_type", "target_type", "target_id")
    values = [row[name] for name in (*order, "ip_address", "user_agent", "facts", "key")]
    return "\t".join(map(str, [number, *values, f"\\\\x{digest}", xid])) + "\n"


def _verifying() -> dict[str, Any]:
    cpu = _cpu(_backend())
    report = verify()
    if report.findings:
        raise RuntimeError(f"the trail does not prove out: {report.findings[0]}")
    return {"verified": report.rows, "verified_s": report.seconds, "verified_cpu_s": _cpu(_backend()) - cpu}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
