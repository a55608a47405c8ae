"""The proxy of docker-compose-deploy.yml, run as it is in front of a real server (S3-O5, S4-O5, K-61, BUG-S3-12).

It needs nginx, as Debian's nginx-light has it. Without one, only what can be read in the file is checked.
"""

import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from backend.tests.servers import ROOT, Server, free_port
from djangocrud import keys

TEMPLATE = ROOT / "deploy" / "nginx" / "templates" / "default.conf.template"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
needs_nginx = pytest.mark.skipif(not Path(NGINX).exists(), reason="nginx is not installed (Debian: nginx-light)")
# Of the image's own nginx.conf only what a test must have elsewhere: folders, a pid, the foreground.
AROUND = """
daemon off; pid {folder}/nginx.pid; worker_processes 1; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
    types {{ text/css css; application/javascript js; }}
    default_type application/octet-stream;
    {temporary}
    include {folder}/default.conf;
}}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def written(folder: Path, **values: object) -> Path:
    """Do what the image's entry point does: fill ${...} in, and nothing else that begins with a dollar."""
    text = re.sub(r"\$\{(\w+)\}", lambda match: str(values[match[1]]), TEMPLATE.read_text())
    (folder / "default.conf").write_text(text)
    temporary = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, temporary=temporary))
    return folder / "nginx.conf"


@dataclass
class Proxy:
    plain: int
    tls: int
    log: Path

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self.tls}"


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def proxy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with _running(folder, server.port) as made:
        yield made


class _running:
    def __init__(self, folder: Path, app_port: int) -> None:
        self.folder, self.app_port = folder, app_port

    def __enter__(self) -> Proxy:
        folder, static = self.folder, self.folder / "static"
        (static / "console").mkdir(parents=True)
        (static / "console" / "page.0123456789ab.js").write_text("1")
        (static / "console" / "page.js").write_text("2")
        keys.stand_in_certificate(folder, "localhost")
        made = Proxy(free_port(), free_port(), folder / "output")
        conf = written(
            folder,
            LISTEN_PORT=f"127.0.0.1:{made.plain}",
            TLS_PORT=f"127.0.0.1:{made.tls}",
            APP_HOST="127.0.0.1",
            APP_PORT=self.app_port,
            RESOLVER="127.0.0.1",
            STATIC_ROOT=static,
            CERTIFICATES=folder,
            ACME_ROOT=folder / "acme",
        )
        folder.chmod(0o755)
        (folder / "acme" / ".well-known" / "acme-challenge").mkdir(parents=True)
        (folder / "acme" / ".well-known" / "acme-challenge" / "token").write_text("proof")
        with made.log.open("wb") as log:
            # As root its workers would be nobody, whom pytest's folders are closed to.
            command = [NGINX, "-c", str(conf), "-g", f"user {_me()};"]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", made.tls), 1).close()
                return made
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(made.log.read_text())

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)


def _me() -> str:
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, body, {k.replace("_", "-"): v for k, v in headers.items()}, method=method)
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=trusting()))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read(), dict(refusal.headers)


def test_the_file_says_what_it_must():
    text = TEMPLATE.read_text()

    assert "client_max_body_size 64m;" in text
    assert re.search(r"proxy_set_header Upgrade\s+\$http_upgrade;", text)
    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in text
    assert "server_tokens off;" in text
    # A token may stand in a query: neither log has one.
    (form,) = re.findall(r"log_format plain '(.*)';", text)
    assert not re.search(r"\$(request|request_uri|args|query_string|is_args|http_referer)\b", form)
    assert "error_log /dev/stderr crit;" in text


@needs_nginx
def test_nginx_accepts_the_file(tmp_path):
    keys.stand_in_certificate(tmp_path, "localhost")
    conf = written(
        tmp_path,
        **{"LISTEN_PORT": 8000, "TLS_PORT": 8443, "APP_HOST": "app", "APP_PORT": 8000, "RESOLVER": "127.0.0.11"},
        **{"STATIC_ROOT": "/vol/web/static", "CERTIFICATES": tmp_path, "ACME_ROOT": "/vol/acme"},
    )

    result = subprocess.run([NGINX, "-t", "-q", "-c", str(conf)], capture_output=True, text=True)

    assert (result.returncode, result.stderr) == (0, "")


@needs_nginx
@pytest.mark.server
def test_plain_http_only_leads_to_https(proxy):
    plain = f"http://127.0.0.1:{proxy.plain}"

    moved, _, headers = ask(f"{plain}/api/users/login/?next=1")
    assert (moved, headers["Location"]) == (308, "https://127.0.0.1/api/users/login/?next=1")
    assert ask(f"{plain}/livez")[:2] == (200, b'{"status": "ok"}')
    assert ask(f"{plain}/.well-known/acme-challenge/token")[:2] == (200, b"proof")


@needs_nginx
@pytest.mark.server
def test_requests_reach_the_server_and_come_back_as_it_said(proxy):
    status, body, headers = ask(f"{proxy.address}/api/users/login/", "POST", b"{}", Content_Type="application/json")

    assert status == 400
    assert "username" in json.loads(body)
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Server"] == "nginx"


@needs_nginx
@pytest.mark.server
def test_a_socket_is_upgraded_and_keeps_its_close_code(proxy):
    """K-61: 4001 is the server's own word, so the whole conversation went through."""
    address = f"wss://127.0.0.1:{proxy.tls}/ws/notifications/"
    with connect(address, ssl=trusting(), open_timeout=20) as socket_:
        with pytest.raises(ConnectionClosed, match="4001"):
            socket_.recv(timeout=20)


@needs_nginx
@pytest.mark.server
def test_a_body_may_have_64_mb_and_the_server_judges_the_rest(proxy):
    """The largest is passed on unread: the server refuses it at the headers on a route that takes little."""
    head = "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"

    def refused(path: str, size: int) -> tuple[str, dict[str, str]]:
        with trusting().wrap_socket(socket.create_connection(("127.0.0.1", proxy.tls), 20)) as line:
            line.sendall(head.format(path, size).encode())
            raw = b""
            while not re.search(rb"\r\n\r\n.*}", raw, re.S):
                raw += line.recv(65536) or b"}\r\n\r\n}"
        return raw.split(b" ", 2)[1].decode(), json.loads(re.search(rb"\{.*\}", raw, re.S)[0])

    by_app = refused("/api/users/login/", 64 * 1024 * 1024)
    by_nginx = refused("/api/users/login/", 64 * 1024 * 1024 + 1)
    assert (by_app[0], by_app[1]["code"]) == ("413", "body_too_large")
    assert by_nginx == ("413", {"detail": "The body is too large.", "code": "body_too_large"})


@needs_nginx
@pytest.mark.server
def test_static_files_are_its_own_with_security_headers(proxy):
    """BUG-S3-12. What is named by its content stays with the reader; the rest is asked for again."""
    status, body, headers = ask(f"{proxy.address}/static/console/page.0123456789ab.js")
    other = ask(f"{proxy.address}/static/console/page.js")

    assert (status, body) == (200, b"1")
    assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert other[2]["Cache-Control"] == "public, max-age=60"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert ask(f"{proxy.address}/static/../fullchain.pem")[0] in {400, 404}
    assert ask(f"{proxy.address}/static/none.js")[0] == 404


@needs_nginx
@pytest.mark.server
def test_no_log_line_has_a_query(proxy):
    ask(f"{proxy.address}/livez?token=secret-of-somebody", Referer="https://x.example/?token=secret-of-somebody")

    deadline = time.monotonic() + 10
    while "/livez" not in proxy.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "/livez" in proxy.log.read_text()
    assert "secret-of-somebody" not in proxy.log.read_text()


@needs_nginx
@pytest.mark.server
def test_a_server_that_is_away_is_503_in_the_form_of_our_errors(tmp_path):
    tmp_path.chmod(0o755)
    with _running(tmp_path, free_port()) as proxy:
        status, body, headers = ask(f"{proxy.address}/api/chats/?token=secret-of-somebody")

        assert (status, headers["Retry-After"], headers["Content-Type"]) == (503, "2", "application/json")
        assert json.loads(body) == {"detail": "The service is away for a moment.", "code": "unavailable"}
        assert "secret-of-somebody" not in proxy.log.read_text()
