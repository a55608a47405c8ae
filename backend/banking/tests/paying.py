"""A partner's client that pays by HTTP, on and on, and sends again what was not answered."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request

from backend.tests.servers import Server

AGAIN = (409, 503)  # still at work; not known. The same request under the same key is safe.


class PayingClient(threading.Thread):
    """Pays a cent after the other as one customer; `answered` names the payments that it was told are done."""

    def __init__(self, server: Server, secret: str, customer: str) -> None:
        super().__init__()
        self.answered: list[str] = []
        self.failed = 0
        self.unexpected = ""
        self._server, self._secret, self._customer = server, secret, customer
        self._ends = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._ends.is_set() and not self.unexpected:
            name = f"{self._customer}-{len(self.answered)}"
            if self._pay(name):
                self.answered.append(name)
            else:
                time.sleep(0.02)

    def more(self, count: int = 15, within_s: float = 60) -> None:
        """Wait until that many more payments were answered."""
        wanted, deadline = len(self.answered) + count, time.monotonic() + within_s
        while len(self.answered) < wanted:
            assert not self.unexpected, self.unexpected
            assert time.monotonic() < deadline, "nothing is answered any more"
            time.sleep(0.01)

    def end(self) -> None:
        self._ends.set()
        self.join()

    def _pay(self, name: str) -> bool:
        """Whether the payment is answered. False: nobody answered, or was asked to come back."""
        body = {"external_id": name, "customer_external_id": self._customer, "total_amount": "0.01"}
        headers = {"Content-Type": "application/json", "X-Api-Key": self._secret, "Idempotency-Key": name}
        request = urllib.request.Request(
            f"{self._server.base_url}/payments/", json.dumps(body).encode(), headers, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found = json.loads(answer.read())
                if (answer.status, found["external_id"], found["status"]) != (201, name, 1):
                    self.unexpected = f"{answer.status} {found}"
        except urllib.error.HTTPError as refusal:
            self.failed += 1
            if refusal.code not in AGAIN:
                self.unexpected = f"{refusal.code} {refusal.read()!r}"
            return False
        except (OSError, http.client.HTTPException):
            self.failed += 1
            return False
        return not self.unexpected
