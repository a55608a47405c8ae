"""For scale: what the same PostgreSQL and Valkey can do by themselves, and how noisy the machine was meanwhile."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg2
import redis

from bench.figures import Report, percentile
from bench.stage import Stage

INSERT = "INSERT INTO bench_probe (author, body) VALUES (1, 'Good morning, I have a question.');\n"
CLIENTS = (1, 8)
ROUND_TRIPS = 2000


def measure_reference(stage: Stage, report: Report, *, seconds: int) -> None:
    print("\nFor scale, on the cores of load and stores", flush=True)
    with psycopg2.connect(stage.embedded.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_probe (id bigserial PRIMARY KEY, author bigint, body text)")
    for clients in CLIENTS:
        delays_s = pgbench(stage, clients=clients, seconds=seconds)
        name = f"pgbench, one insert a commit, {clients} at once"
        report.line(name, per_second=len(delays_s) / seconds, **_percentiles(delays_s))
    report.line("Valkey publish to a subscriber, round trip", **_percentiles(_publish(stage.embedded.redis_url)))


def _percentiles(delays_s: list[float]) -> dict[str, float]:
    return {"p50_ms": percentile(delays_s, 0.5) * 1e3, "p99_ms": percentile(delays_s, 0.99) * 1e3}


def pgbench(stage: Stage, *, clients: int, seconds: int) -> list[float]:
    """Return how long each transaction took."""
    with tempfile.TemporaryDirectory(dir=stage.home) as folder:
        script = Path(folder) / "insert.sql"
        script.write_text(INSERT)
        options = ["-n", "-c", str(clients), "-T", str(seconds), "-l", "--log-prefix", f"{folder}/delays", "-f", script]
        program = stage.embedded.postgres_program("pgbench")
        command = [program, *options, stage.embedded.database_url]
        subprocess.run(command, check=True, capture_output=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
        lines = "".join(path.read_text() for path in Path(folder).glob("delays.*")).splitlines()
    return [int(line.split()[2]) / 1e6 for line in lines]


def _publish(url: str) -> list[float]:
    """Return how long messages took from one connection to another."""
    delays_s = []
    with redis.Redis.from_url(url) as client, client.pubsub() as heard:
        heard.subscribe("bench.probe")
        heard.get_message(timeout=5)
        for _ in range(ROUND_TRIPS):
            since = time.perf_counter()
            client.publish("bench.probe", b"x" * 200)
            while not heard.get_message(ignore_subscribe_messages=True, timeout=5):
                continue
            delays_s.append(time.perf_counter() - since)
    return delays_s
