"""The bench runs and counts. How fast anything is, is never asserted here."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from backend.console.tests.browsers import why_not
from backend.tests.servers import free_port
from bench.talks import Chat

ROOT = Path(__file__).resolve().parent.parent
WITHIN_S = 1800

SEARCHES = ("frequent words", "rare words", "owner of few", "all")

# What is held at nothing at all.
NOTHING = {
    "verify_ledger: findings after all this",
    "queries of a signed-in request",
    "turning keys: requests that failed beside it",
    "fraud: replayed verdicts that differ",
    "recovery: rows that differ after a restore",
    "recovery: findings of verify_audit and verify_ledger",
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench needs Linux")


@pytest.mark.server
@pytest.mark.figures
def test_every_figure_is_taken(tmp_path):
    report = _run(tmp_path, "bench", "all", "--smoke")
    assert {verdict["name"] for verdict in report["verdicts"]} == {
        "no insert / durable, CPU",
        "textbook / durable, CPU",
        "two processes / one, CPU",
        "fan-out: durable / bare echo, CPU",
        "Django's handler / pooled, CPU",
        "signed in / anonymous, CPU",
        "limits on a signed-in request, CPU",
        "limits on an anonymous request, CPU",
        "queries of a signed-in request",
        "sign-in / password hash, CPU",
        "revocation reaches a socket elsewhere, p99, seconds",
        *(f"search, {name}, p95 ms" for name in SEARCHES),
        "oldest page / newest page, CPU",
        "queries of a list of the catalogue",
        "queries of a search of the catalogue",
        "list of 200 expenses / textbook, CPU",
        "page at the last row / at row 1,000, CPU",
        "page at the last row / at row 1,000, time",
        "adding an expense / textbook, CPU",
        "queries of adding an expense",
        "summary over 100,000 entries / its plain SQL, time",
        "import / COPY into the same table, rows/s",
        "memory that checking and loading took, MB",
        "desk updates a second in the busiest inbox",
        *(() if why_not() else ("a message on the screen after its commit, p95, ms",)),
        "p99 of chats beside streamed suggestions / alone",
        *(() if why_not() else ("first word of a suggestion on the screen, p95, ms",)),
        "search in 10,000 of 1,000,000 messages, p95, ms",
        "note / plain message, CPU",
        "edit of a message / plain message, CPU",
        "chat state / plain message, CPU",
        "fact for the desk / plain message, CPU",
        "fraud: planted cases that were found (recall)",
        "fraud: alerts that were planted (precision)",
        "fraud: assessment p99, ms",
        "fraud: assessment, percent of the transfer's CPU",
        "fraud: replayed verdicts that differ",
        "fraud: transfer sent, alert elsewhere, p99, ms",
        "connecting: long chat / short chat, CPU",
        "send to peer, p99 / (3 x insert p99 + 10 ms)",
        "others' p99: long chat / (short chat + 5 ms)",
        "postings spread / pgbench in plain SQL, rate",
        "postings hot / pgbench in plain SQL, rate",
        "verify_ledger: findings after all this",
        "write with its audit row / without, CPU",
        "rows sealed a second",
        "verify_audit of 1,000,000 rows, seconds",
        "transfer p99 / (5 x pgbench p99 + 20 ms)",
        "uploads: server memory grows by, MB",
        "uploads: a socket beside waits, p99, ms of server CPU",
        "idle sockets: server memory each, KB",
        "documents: encrypt and store / store plain, rate",
        "documents: server memory grows by, MB",
        "decision reaches the person elsewhere, p99, ms",
        "turning keys: requests that failed beside it",
        "payment / textbook serializer view, CPU",
        "loans by cursor: 1,000,000 / 1,000, CPU",
        "loans by cursor: 1,000,000 / 1,000, time",
        "loan score / CatBoost's single-row call, CPU",
        "loan reasons / CatBoost's SHAP call, CPU",
        "loan batch / CatBoost on the same prepared data, rows/s",
        "predict over HTTP / a plain read, CPU",
        "bank CSV / COPY into the same three tables, rows/s of CPU",
        "partner import / COPY into the same three tables, rows/s of CPU",
        "memory for a book of 1,000,000 rows / of 10,000",
        "start to ready, a server, seconds",
        "start to ready, 3 servers and the balancer, seconds",
        "cluster: chat N=3 / N=1, CPU",
        "cluster: transfers N=3 / N=1, CPU",
        "recovery: rows that differ after a restore",
        "recovery: findings of verify_audit and verify_ledger",
        "recovery: restore / pg_restore of the same dump, time",
    }
    counted = [verdict for verdict in report["verdicts"] if verdict["name"] not in NOTHING]
    assert all(verdict["value"] > 0 for verdict in counted)


@pytest.mark.server
@pytest.mark.figures
def test_bad_networks_and_killed_servers_lose_double_and_reorder_nothing(tmp_path):
    faults = ["--only", "servers", "--seconds", "5", "--chats", "10", "--rate", "20", "--cut-every", "1"]
    report = _run(tmp_path, "bench.jitter", *faults)
    assert {verdict["name"]: verdict["value"] for verdict in report["verdicts"]} == {
        "servers: never acknowledged": 0,
        "servers: lost": 0,
        "servers: doubled": 0,
        "servers: out of order": 0,
        "servers: hear on after a transfer": 0,
        "servers: sent back to the start": 0,
    }
    scale = report["tables"]["for scale"]
    assert scale["servers: done and acknowledged"]["messages"] > 50
    assert scale["servers: seen"]["connections"] > 20, "nobody was cut"


class _Heard:
    """A member who received these events, and these notes."""

    def __init__(self, *events, notes=()):
        self.events = [
            {"type": "message", "seq": seq, "message": text} if text else {"type": "chat", "seq": seq}
            for seq, text in events
        ]
        self.texts = [text for _, text in events if text]
        self.notes = [{"desk_seq": seq, "message": text} for seq, text in notes]


CUSTOMER = _Heard((1, "a"), (2, "b"), (3, "c"))
NOTES = ((1, "n"), (2, "m"))
GOOD = _Heard((1, "a"), (2, "b"), (3, "c"), notes=NOTES)


@pytest.mark.parametrize(
    ("agent", "faults"),
    [
        (GOOD, (0, 0, 0)),
        (_Heard((1, "a"), (2, "B"), (3, "c"), notes=NOTES), (0, 0, 0)),  # after the edit
        (_Heard((1, "a"), (2, "b"), notes=NOTES), (2, 0, 0)),
        (_Heard((1, "a"), (2, "b"), (3, "x"), notes=NOTES), (1, 0, 0)),
        (_Heard((1, "a"), (2, "b"), (2, "b"), (3, "c"), notes=NOTES), (0, 2, 0)),
        (_Heard((1, "a"), (2, "b"), (3, "c"), (4, "b"), notes=NOTES), (0, 1, 0)),
        (_Heard((1, "a"), (3, "c"), (2, "b"), notes=NOTES), (0, 0, 1)),
        (_Heard((1, "a"), (2, "b"), (3, "c"), notes=NOTES[:1]), (2, 0, 0)),
        (_Heard((1, "a"), (2, "b"), (3, "c"), notes=((1, "n"), (2, "m"), (2, "m"))), (0, 1, 0)),
        (_Heard((1, "a"), (2, "b"), (3, "c"), notes=((2, "m"), (1, "n"))), (0, 0, 1)),
    ],
)
def test_the_counting_finds_each_fault(agent, faults):
    chat = Chat((CUSTOMER, agent), head=3, desk_head=2)
    chat.acknowledged, chat.edited, chat.noted = {"a": 1, "b": 2, "c": 3}, {"b": "B"}, {"n": 1, "m": 2}
    found = chat.faults()
    assert (found["lost"], found["doubled"], found["out_of_order"]) == faults


def test_a_note_that_a_customer_reads_counts_and_a_former_agent_need_not_have_the_rest():
    chat = Chat(
        (_Heard((1, "a"), notes=((1, "n"),)), _Heard((1, "a"), notes=((1, "n"),)), _Heard()), head=1, desk_head=1
    )
    assert chat.faults()["lost"] == 1


def _run(tmp_path, module, *arguments):
    """Run the bench as a user does, in an environment without the test run's own settings, and return its report."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", module, *arguments, "--json", str(report)]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_text())


@pytest.mark.server
@pytest.mark.figures
def test_a_cluster_starts_is_replaced_server_by_server_and_leaves_nothing(tmp_path):
    """`make cluster N=2`, SIGUSR1, Ctrl-C."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    command = [sys.executable, "-u", "-m", "djangocrud.cluster", "--servers", "2", "--port", str(port)]
    log = tmp_path / "log"
    with log.open("wb") as out:
        told = {**kept, "EASE_VAR": str(tmp_path / "var")}
        process = subprocess.Popen(command, cwd=ROOT, env=told, stdout=out, stderr=out)
    try:
        _until(lambda: "Ease is ready: 2 servers" in log.read_text(), process, log)
        process.send_signal(signal.SIGUSR1)
        _until(lambda: "All servers are new." in log.read_text(), process, log)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    for one in range(port, port + 3):
        with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", one), 5):
            pass


def _until(what, process, log):
    while not what():
        assert process.poll() is None, log.read_text()[-3000:]
        time.sleep(0.1)
