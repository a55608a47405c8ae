"""A real server that speaks OpenAI's protocol, streaming included: for tests, the demo and the bench.

It keeps what it received, answers what it is told to, and fails in every way that a model's server can. By itself it
answers like a careful model: from the articles that it was given, with a citation, or the one word UNKNOWN.

    python -m backend.assistant.tests.model_server --port 8610 [--pieces 60] [--every 0.02]
"""

import argparse
import contextlib
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Asked = dict[str, Any]
PATIENCE_S = 20


def data_of(asked: Asked) -> dict[str, Any]:
    """Return the data of a request: the user message is one JSON object."""
    return json.loads(asked["messages"][1]["content"])


def careful(asked: Asked) -> str:
    """Answer as the prompts ask for it, without any intelligence."""
    data = data_of(asked)
    if "choices" in data:
        words = set(re.findall(r"\w{4,}", json.dumps(data["entry"]).lower()))
        fits = [number for number, name in data["choices"].items() if words & set(re.findall(r"\w{4,}", name.lower()))]
        return fits[0] if fits else "UNKNOWN"
    if "articles" not in data:
        said = [line["text"] for line in data["conversation"] if line["from"] == "customer"]
        return f"The customer wants: {said[-1][:200]}\nOpen: an answer." if said else "UNKNOWN"
    if not data["articles"]:
        return "UNKNOWN"
    first = data["articles"][0]
    sentence = re.split(r"(?<=[.!?])\s", first["text"].replace("**", ""))[0]
    return f"{sentence} [{first['number']}]"


class ModelServer:
    """`does` is how it behaves next: a function of the handler and the request. `received` is all that it was sent."""

    def __init__(self, *, port: int = 0, does: Callable[["Handler", Asked], None] | None = None) -> None:
        self.received: list[Asked] = []
        self.keys: list[str] = []
        self.ended = threading.Event()  # a client went away, or an answer was sent
        self.go_on = threading.Event()  # for behaviours that wait
        self.does = does or answering(careful)
        service = self

        class Bound(Handler):
            model_server = service

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Bound)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def text_received(self) -> str:
        """Everything that ever left for it, as one text."""
        return json.dumps(self.received, ensure_ascii=False)

    @contextlib.contextmanager
    def running(self) -> Iterator["ModelServer"]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.go_on.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def serve(self) -> None:
        self._http.serve_forever()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model_server: ModelServer

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service = self.model_server
        service.received.append(asked)
        service.keys.append(self.headers["Authorization"])
        try:
            if self.path != "/v1/chat/completions":
                self.plain(404, {"error": {"message": "no such route"}})
            else:
                service.does(self, asked)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            service.ended.set()

    def plain(self, status: int, body: Any, *, content_type: str = "application/json") -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def raw(self, content: bytes) -> None:
        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
        self.wfile.flush()

    def piece(self, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self.event({**_HEAD, "choices": [choice]})

    def event(self, facts: Any) -> None:
        self.raw(f"data: {json.dumps(facts)}\n\n".encode())

    def end(self, usage: tuple[int, int] | None = (100, 20)) -> None:
        if usage is not None:
            used = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
            self.event({**_HEAD, "choices": [], "usage": used})
        self.raw(b"data: [DONE]\n\n")
        self.raw(b"")

    def die(self) -> None:
        """End the connection in the middle of everything."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Quietly."""


_HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "local"}


# Behaviours


def answering(
    answer: str | Callable[[Asked], str],
    *,
    size: int = 4,
    every_s: float = 0.0,
    finish: str = "stop",
    usage: tuple[int, int] | None = (100, 20),
) -> Callable[[Handler, Asked], None]:
    """Stream an answer in pieces of so many characters."""

    def does(handler: Handler, asked: Asked) -> None:
        text = answer if isinstance(answer, str) else answer(asked)
        handler.begin()
        handler.piece({"role": "assistant", "content": ""})
        for start in range(0, len(text), size):
            handler.piece({"content": text[start : start + size]})
            time.sleep(every_s)
        handler.piece({}, finish)
        handler.end(usage)

    return does


def status(number: int, message: str = "no") -> Callable[[Handler, Asked], None]:
    return lambda handler, asked: handler.plain(number, {"error": {"message": message, "code": None}})


def page(handler: Handler, asked: Asked) -> None:
    """A proxy's page in the place of an answer."""
    handler.plain(200, b"<html><body>It works!</body></html>", content_type="text/html")


def garbage(handler: Handler, asked: Asked) -> None:
    handler.begin()
    handler.raw(b"data: {not json at all\n\n")
    handler.raw(b"")


def strange(handler: Handler, asked: Asked) -> None:
    """JSON, of another kind."""
    handler.begin()
    handler.event({"choices": [{"surprise": True}], "hello": [1, 2]})
    handler.end()


def half(handler: Handler, asked: Asked) -> None:
    """Some words, and then death."""
    handler.begin()
    handler.piece({"content": "Your card is "})
    handler.die()


def stops_short(handler: Handler, asked: Asked) -> None:
    """Some words, and a proper end of the response, but never of the answer."""
    handler.begin()
    handler.piece({"content": "Your card is "})
    handler.raw(b"")


def error_within(handler: Handler, asked: Asked) -> None:
    handler.begin()
    handler.piece({"content": "Your card is "})
    handler.event({"error": {"message": "overloaded", "type": "server_error"}})
    handler.raw(b"")


def refusing(handler: Handler, asked: Asked) -> None:
    handler.begin()
    handler.piece({"refusal": "I cannot help with that."})
    handler.piece({}, "stop")
    handler.end()


def filtered(handler: Handler, asked: Asked) -> None:
    handler.begin()
    handler.piece({}, "content_filter")
    handler.end()


def calls_a_tool(handler: Handler, asked: Asked) -> None:
    handler.begin()
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": "transfer", "arguments": "{}"}}
    handler.piece({"tool_calls": [call]})
    handler.piece({}, "tool_calls")
    handler.end()


def never(handler: Handler, asked: Asked) -> None:
    """Take the question and say nothing."""
    handler.model_server.go_on.wait(PATIENCE_S)
    handler.die()


def falls_silent(handler: Handler, asked: Asked) -> None:
    handler.begin()
    handler.piece({"content": "Your card is "})
    handler.model_server.go_on.wait(PATIENCE_S)
    handler.die()


def endless(handler: Handler, asked: Asked) -> None:
    handler.begin()
    while True:
        handler.piece({"content": "and on and on " * 50})


def drips(handler: Handler, asked: Asked) -> None:
    """A piece now and then, so that no silence is ever long."""
    handler.begin()
    for _ in range(1000):
        handler.piece({"content": "x"})
        if handler.model_server.go_on.wait(0.02):
            return


def clock(pieces: int, every_s: float) -> Callable[[Handler, Asked], None]:
    """Stream the time at which each piece is sent: for the bench."""

    def does(handler: Handler, asked: Asked) -> None:
        handler.begin()
        for _ in range(pieces):
            handler.piece({"content": f"{time.time():.6f} "})
            time.sleep(every_s)
        handler.piece({}, "stop")
        handler.end()

    return does


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pieces", type=int, default=0, help="stream so many times of day in the place of an answer")
    parser.add_argument("--every", type=float, default=0.02, help="seconds from one piece to the next")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input does")
    given = parser.parse_args()
    if given.with_parent:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    does = clock(given.pieces, given.every) if given.pieces else answering(careful, every_s=given.every)
    ModelServer(port=given.port, does=does).serve()


if __name__ == "__main__":
    main()
