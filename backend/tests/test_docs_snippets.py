"""backend/docs/protocol.md: its snippets, put together by language and run against a real server."""

import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal

import pytest

from backend.banking.models import Account
from backend.banking.tests.factories import make_bank
from backend.banking.tests.people_factories import account_of
from backend.conftest import PASSWORD
from backend.support.models import Chat
from backend.support.tests.factories import nobody_is_available, payloads_in
from backend.tests.servers import ROOT

pytestmark = pytest.mark.server

TEXT = (ROOT / "backend" / "docs" / "protocol.md").read_text()


def program(language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S))


def node() -> list[str]:
    """Return how Node is called so that it has WebSocket, or skip."""
    found = shutil.which("node")
    version = int(re.sub(r"^v(\d+)\..*", r"\1", subprocess.getoutput(f"{found} --version"))) if found else 0
    if version < 20:
        pytest.skip("Node 20 or later is not installed")
    return [found, *(["--experimental-websocket", "--no-warnings"] if version < 22 else []), "--input-type=module"]


@pytest.fixture
def person(live, make_user):
    """Somebody with two accounts at one bank, money on the first, and a desk that answers."""
    nobody_is_available()
    make_user("SUPPORT_AGENT")
    user, bank = make_user(first_name="Ana"), make_bank()
    account_of(user, bank=bank, balance="100.00")
    account_of(user, bank=bank)
    return user


def run(command: list[str], text: str, live, person) -> list[str]:
    env = {"PATH": os.environ["PATH"], "EASE": live.base_url, "EMAIL": person.email, "PASSWORD": PASSWORD}
    result = subprocess.run(command, input=text, env=env, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.splitlines()


def said_by(person) -> list[str]:
    (chat,) = Chat.objects.filter(customer=person)
    return [payload["message"] for kind, payload in payloads_in(f"chat.{chat.pk}") if kind == "message"]


def balances(person) -> list[Decimal]:
    rows = Account.objects.filter(customer__user=person).order_by("date_opened", "created_at")
    return sorted(rows.values_list("balance", flat=True))


def test_the_curl_snippets_work(live, person):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")

    printed = run(["bash", "-euo", "pipefail", "-s"], program("sh"), live, person)

    assert said_by(person) == ["My receipt", "Hello from curl"]
    assert printed[-3:] == ["Hello from curl", "posted", "posted"]
    assert balances(person) == [Decimal("1.50"), Decimal("98.50")]


def test_the_python_snippets_work(live, person):
    printed = run([sys.executable, "-"], program("python"), live, person)

    assert said_by(person) == ["Hello from Python", "and I am still here"]
    assert [line.rpartition(" ")[0] for line in printed[:2]] == ["stored as"] * 2
    assert printed[2] == "['Hello from Python', 'and I am still here']"
    assert printed[3].startswith("notices: [")
    assert printed[-1] == "posted True"
    assert balances(person) == [Decimal("1.50"), Decimal("98.50")]


def test_the_javascript_snippets_work(live, person):
    printed = run([*node(), "-"], program("javascript"), live, person)

    assert said_by(person) == ["Hello from JavaScript", "and I am still here"]
    assert printed[2] == "[ 'Hello from JavaScript', 'and I am still here' ]"
    assert printed[-1] == "posted true"
    assert balances(person) == [Decimal("1.50"), Decimal("98.50")]


def test_every_step_is_shown_in_every_language_that_can_take_it():
    assert {language: len(re.findall(rf"^```{language}$", TEXT, re.M)) for language in ("python", "javascript")} == {
        "python": 6,
        "javascript": 5,
    }
    assert "/ws/" not in program("sh")  # curl speaks no sockets
