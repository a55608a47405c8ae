"""A server that keeps objects as S3 does: PUT, GET, HEAD and DELETE, in memory."""

import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType


class Bucket:
    """A running server. `is_failing` makes it answer 503, which boto3 tries a few times more."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_failing = False
        bucket = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if "aws-chunked" in self.headers.get("Content-Encoding", ""):
                    body = _unchunked(body)
                if bucket.is_failing:
                    self.answer(503)
                    return
                bucket.objects[self.path] = body
                self.answer(200, etag=hashlib.md5(body).hexdigest())

            def do_GET(self) -> None:
                body = bucket.objects.get(self.path)
                self.answer(404 if body is None else 200, body or b"")

            do_HEAD = do_GET

            def do_DELETE(self) -> None:
                bucket.objects.pop(self.path, None)
                self.answer(204)

            def answer(self, status: int, body: bytes = b"", etag: str = "e") -> None:
                self.send_response(status)
                self.send_header("ETag", f'"{etag}"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Bucket":
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _unchunked(body: bytes) -> bytes:
    """Return what a body in AWS's own chunks carries; trailers with checksums follow it."""
    plain = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        count = int(size.partition(b";")[0], 16)
        if not count:
            return plain
        plain, body = plain + body[:count], body[count + 2 :]
