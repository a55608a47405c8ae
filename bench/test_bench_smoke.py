"""The bench runs and counts. How fast anything is, is never asserted here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.jitter import Chat

ROOT = Path(__file__).resolve().parent.parent
WITHIN_S = 300

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench needs Linux")


@pytest.mark.server
def test_every_figure_is_taken(tmp_path):
    report = _run(tmp_path, "bench", "all", "--quick")
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
        "list of 200 expenses / textbook, CPU",
        "page at the last row / at row 1,000, CPU",
        "page at the last row / at row 1,000, time",
        "adding an expense / textbook, CPU",
        "queries of adding an expense",
        "summary over 100,000 entries / its plain SQL, time",
        "import / COPY into the same table, rows/s",
        "memory that checking and loading took, MB",
    }
    counted = [verdict for verdict in report["verdicts"] if verdict["name"] != "queries of a signed-in request"]
    assert all(verdict["value"] > 0 for verdict in counted)


@pytest.mark.server
def test_bad_networks_and_a_killed_server_lose_double_and_reorder_nothing(tmp_path):
    report = _run(tmp_path, "bench.jitter", "--seconds", "5", "--chats", "10", "--rate", "20", "--cut-every", "1")
    counts = {verdict["name"]: verdict["value"] for verdict in report["verdicts"]}
    assert counts == {"never acknowledged": 0, "lost": 0, "doubled": 0, "out of order": 0}
    assert report["tables"]["for scale"]["acknowledged messages"] == {"count": 100}
    assert report["tables"]["for scale"]["connections"]["count"] > 20, "nobody was cut"


class _Heard:
    """A member who received these events."""

    def __init__(self, *events):
        self.events = [{"type": "message", "seq": seq, "message": text} for seq, text in events]
        self.texts = [text for _, text in events]


GOOD = _Heard((1, "a"), (2, "b"), (3, "c"))


@pytest.mark.parametrize(
    ("other", "faults"),
    [
        (GOOD, {"lost": 0, "doubled": 0, "out_of_order": 0}),
        (_Heard((1, "a"), (2, "b")), {"lost": 2, "doubled": 0, "out_of_order": 0}),
        (_Heard((1, "a"), (2, "b"), (3, "x")), {"lost": 1, "doubled": 0, "out_of_order": 0}),
        (_Heard((1, "a"), (2, "b"), (2, "b"), (3, "c")), {"lost": 0, "doubled": 2, "out_of_order": 0}),
        (_Heard((1, "a"), (2, "b"), (3, "c"), (4, "b")), {"lost": 1, "doubled": 1, "out_of_order": 0}),
        (_Heard((1, "a"), (3, "c"), (2, "b")), {"lost": 0, "doubled": 0, "out_of_order": 1}),
    ],
)
def test_the_counting_finds_each_fault(other, faults):
    assert Chat((GOOD, other), acknowledged={"a": 1, "b": 2, "c": 3}).faults() == faults


def _run(tmp_path, module, *arguments):
    """Run the bench as a user does, in an environment without the test run's own settings, and return its report."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", module, *arguments, "--json", str(report)]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert report.exists(), done.stdout + done.stderr
    return json.loads(report.read_text())
