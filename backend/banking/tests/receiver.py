"""A partner's receiver of webhooks: a real HTTP server on loopback that keeps what it hears; and its own routes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from backend.banking.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from backend.banking.tests.partner_stage import Partner

HOOKS = "/api/webhooks/"


@dataclass(slots=True)
class Receiver:
    """Answers `status`, with `headers`; `heard` are (headers, body) in the order they came."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def messages(self) -> list[Any]:
        return [orjson.loads(body) for _, body in self.heard]

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]


@contextmanager
def receiving(**fields: Any) -> Iterator[Receiver]:
    found = Receiver(**fields)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.heard.append((dict(self.headers), body))
            self.send_response(found.status)
            for name, value in {"Content-Length": "0", **found.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/hooks"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listen(partner: Partner, url: str, **fields: Any) -> Any:
    answer = partner.client.post(HOOKS, {"url": url, **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def deliveries(partner: Partner, hook: Any, **query: Any) -> Any:
    return partner.client.get(f"{HOOKS}{hook['id']}/deliveries/", query).json()["results"]


def make_due() -> None:
    """Let the time pass until what failed is tried again."""
    WebhookDelivery.objects.filter(state=DeliveryState.PENDING).update(due_at=datetime.now(UTC))
    WebhookEndpoint.objects.update(rests_until=None)
