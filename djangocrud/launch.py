"""Start Ease with everything it needs, and leave nothing behind: `python -m djangocrud.launch run|demo|worker|test`.

The launcher is a small process that holds the embedded servers (djangocrud/embedded) and one child at a time:

    launcher ── prepare   migrate and load the demo data, then gone
             └─ serve     the web server, in a session of its own: Ctrl-C reaches the launcher alone, which passes
                          it on once and waits for the drain. A second one ends the child at once.

Each child has a pipe from the launcher as its standard input and stops when that closes, so a launcher killed with
-9 takes its children along. PostgreSQL and Valkey outlive it on purpose: the next start adopts them.

`manage.py` comes through here too, for the same servers. The Python version is checked before anything else is
imported, in syntax that old versions can read.
"""

# ruff: noqa: E402

import sys

if sys.version_info[:2] != (3, 11):
    sys.exit("ease: needs Python 3.11, this is " + sys.version.split()[0])

import argparse
import contextlib
import errno
import io
import json
import os
import runpy
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from djangocrud.embedded import EmbeddedFailed, running
from djangocrud.env import ROOT, env

BAD_PORT = 2
READY_WITHIN_S = 60
KILL_AFTER_S = env.drain_seconds + 0.5
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WITHOUT_SERVERS = {
    *("help", "--help", "-h", "version", "--version", "startapp", "startproject", "diffsettings"),
    *("collectstatic", "makemessages", "compilemessages", "spectacular", "data_model"),
}


class Stopped(SystemExit):
    """A signal asked this process to end."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    stop_on(*STOP_SIGNALS)
    try:
        return int(given.work(given))
    except EmbeddedFailed as error:
        return refuse(str(error))


def run(port: int) -> int:
    """Prepare everything, serve until a signal or the server's own end, and return the server's exit code."""
    refusal = why_not_bindable(port)
    if refusal:
        return refuse(refusal, BAD_PORT)
    with servers():
        code = finish(spawn("prepare", "--base-url", base_url(port)))
        if code:
            return code
        server = spawn("serve", "--port", str(port))
        try:
            if _comes_up(server, port):
                say(_welcome(port))
        except Stopped:
            return _end(server)
        return finish(server)


def demo() -> int:
    """Run the scripted conversation against the running server, or against one started for it on a free port, with a
    model's server of its own beside it."""
    with servers():
        if _answers(str(_demo_file().get("base_url", ""))):
            return _converse()
        port = free_port()
        code = finish(spawn("prepare", "--base-url", base_url(port)))
        if code:
            return code
        model_port = free_port()
        model = _start("backend.assistant.tests.model_server", "--with-parent", "--port", str(model_port))
        told = ("OPENAI_KEY=demo", f"OPENAI_BASE_URL=http://127.0.0.1:{model_port}/v1", "OPENAI_MODEL=local")
        server = _start("djangocrud.launch", "serve", "--port", str(port), told=told)
        try:
            return _converse() if _comes_up(server, port) else refuse("the server did not come up")
        finally:
            _end(server)
            _end(model)


def _converse() -> int:
    return finish(_start("bench.demo", "--file", str(env.var / "demo.json")))


def worker() -> int:
    """Run what was enqueued and what runs by the clock, until a signal. Used with USE_CELERY on in the web process."""
    with servers():
        return finish(spawn("work"))


def test(arguments: Sequence[str]) -> int:
    """Run pytest with one pair of servers around all its parallel workers, and return its exit code.

    It stays in the terminal's foreground for `--pdb`, so Ctrl-C reaches it without us.
    """
    with servers(durable=False):
        signal.signal(signal.SIGINT, lambda *_: None)
        command = [sys.executable, "-m", "pytest", "--ds=djangocrud.settings_test", *arguments]
        return finish(subprocess.Popen(command))  # noqa: S603 - our own interpreter


def manage(arguments: list[str]) -> int:
    """Run a command of Django's, with the embedded servers for those that may touch them."""
    command = arguments[1] if len(arguments) > 1 else "help"
    stop_on(signal.SIGTERM, signal.SIGHUP)
    try:
        if command == "test":
            return test(arguments[2:])
        with servers() if _uses_servers(command) else contextlib.nullcontext():
            from django.core.management import execute_from_command_line

            execute_from_command_line(arguments)
    except EmbeddedFailed as error:
        return refuse(str(error))
    return 0


def _uses_servers(command: str) -> bool:
    """Whether the command may touch the embedded servers. One that waits for a database of its own starts none."""
    return command not in WITHOUT_SERVERS and not (command == "wait_for_db" and env.database_url)


@contextlib.contextmanager
def servers(*, durable: bool = True) -> Iterator[None]:
    """Keep the embedded servers, where this checkout uses them. Signals end the block, never the clean-up."""
    if not env.uses_embedded:
        yield
        return
    with running(env.var, durable=durable):
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)


# What the children do.


def prepare(base_url: str) -> int:
    """Bring the database up to date and load the demo data, in one interpreter: starting one costs a second."""
    _end_with_parent()
    import django
    from django.core.management import call_command
    from django.db import OperationalError

    # Written for Django, not read: env.py stays the only reader of the environment.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djangocrud.settings")  # noqa: TID251
    django.setup()
    try:
        call_command("migrate", interactive=False, verbosity=0)
    except OperationalError as error:
        return refuse(f"the database does not answer: {str(error).strip()}")
    if not env.production:
        call_command("load_demo", base_url=base_url, stdout=io.StringIO())  # We show the accounts ourselves, later.
    return 0


def serve(port: int) -> int:
    _end_with_parent()
    sys.argv = ["serve", "--host", env.host, "--port", str(port)]
    runpy.run_module("djangocrud.serve", run_name="__main__", alter_sys=True)
    return 0


def work() -> int:
    _end_with_parent()
    from djangocrud.celery import app

    schedule = str(env.var / "celerybeat-schedule")
    app.worker_main(["worker", "--beat", "--schedule", schedule, "--loglevel", env.log_level, "--without-gossip"])
    return 0


def _end_with_parent() -> None:
    """Stop this process, as if asked to, when the launcher at the other end of standard input is gone."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="launcher-watch", daemon=True).start()


# Children and signals.


def stop_on(*numbers: signal.Signals) -> None:
    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(128 + number)

    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:  # As under nohup.
            signal.signal(number, stop)


def spawn(*words: str) -> subprocess.Popen[bytes]:
    return _start("djangocrud.launch", *words)


def _start(module: str, *words: str, told: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """Start a module of ours; `told` adds to its environment."""
    command = [*(("/usr/bin/env", *told) if told else ()), sys.executable, "-m", module, *words]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603


def finish(child: subprocess.Popen[bytes]) -> int:
    """Wait for the child, end it when a signal asks us to, and return its exit code as a shell would."""
    try:
        return _shell_code(child.wait())
    except Stopped:
        return _end(child)


def _end(child: subprocess.Popen[bytes]) -> int:
    """Ask the child to end. The time limit, or a second signal to us, kills it and what it started."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: kill(child))
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        return _shell_code(child.wait(KILL_AFTER_S))
    except subprocess.TimeoutExpired:
        kill(child)
        return _shell_code(child.wait())


def kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(child.pid) == child.pid:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()


def _shell_code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned


# Addresses.


def base_url(port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(env.host, env.host)  # noqa: S104 - shown, not bound
    return f"http://{host}:{port}"


def why_not_bindable(port: int) -> str:
    """Return why the port cannot be had, or an empty string."""
    try:
        _bind(port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} is in use; try make run PORT={port % 65535 + 1}"
        return f"cannot listen on {env.host} port {port}: {error.strerror}"
    return ""


def _bind(port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(env.host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        # As the server does it: a port whose last connections are still closing is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def free_port() -> int:
    with contextlib.closing(_bind(0)) as listener:
        return int(listener.getsockname()[1])


def _comes_up(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers. False when it ended, or took too long."""
    deadline = time.monotonic() + READY_WITHIN_S
    while server.poll() is None and time.monotonic() < deadline:
        if _answers(base_url(port)):
            return True
        time.sleep(0.05)
    return False


def _answers(base_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base_url}/livez", timeout=2) as response:  # noqa: S310 - our own address
            return bool(response.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False


# Words for people.


def _demo_file() -> dict[str, object]:
    try:
        content = json.loads((env.var / "demo.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _welcome(port: int) -> str:
    http = base_url(port)
    lines = ["", "Ease is ready.", "", f"  API         {http}/"]
    lines.append(f"  API schema  {http}/api/schema/")
    lines.append(f"  WebSockets  {http.replace('http', 'ws', 1)}/ws/support/chat/<chat id>/")
    accounts = _demo_file().get("accounts")
    if isinstance(accounts, dict) and not env.production:
        rows = [("demo account", "e-mail", "password")]
        rows += [(role.replace("_", " "), who["email"], who["password"]) for role, who in accounts.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines += ["", *(f"  {role:{widths[0]}}  {email:{widths[1]}}  {password}" for role, email, password in rows)]
        lines += ["", f"  The same for programs: {_shown(env.var / 'demo.json')}"]
    return "\n".join([*lines, "", "Ctrl-C stops the server and everything it started.", ""])


def _shown(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # The terminal may be closed by now; that must not end the clean-up.
        print(text, flush=True)


def refuse(reason: str, code: int = 1) -> int:
    with contextlib.suppress(OSError):
        print(f"ease: {reason}", file=sys.stderr, flush=True)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m djangocrud.launch")
    commands = parser.add_subparsers(required=True, metavar="run|demo|worker|test")

    def add(name: str, work: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = commands.add_parser(name)
        command.set_defaults(work=work)
        return command

    add("run", lambda given: run(given.port)).add_argument("--port", type=_port, default=env.port)
    add("demo", lambda given: demo())
    add("worker", lambda given: worker())
    add("work", lambda given: work())
    add("prepare", lambda given: prepare(given.base_url)).add_argument("--base-url", required=True)
    add("serve", lambda given: serve(given.port)).add_argument("--port", type=_port, required=True)
    # Its options are pytest's: with a prefix that nobody types none is taken for ours.
    tests = commands.add_parser("test", prefix_chars="\0", add_help=False)
    tests.add_argument("rest", nargs="*")
    tests.set_defaults(work=lambda given: test(given.rest))
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(refuse(f"{text!r} is no port: it must be a number from 1 to 65535", BAD_PORT))
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
