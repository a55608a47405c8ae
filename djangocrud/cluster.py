"""`make cluster N=3`: several servers, a worker and a balancer on one machine, over the embedded database and Valkey.

    this process ── prepare   migrate and load the demo data, then gone
                 ├─ serve     N times, each at a port of its own behind --port
                 ├─ work      Celery's worker with its clock: the servers keep none, as with USE_CELERY anywhere
                 └─ proxy     in this process: the address that people use

SIGUSR1 restarts the servers one after the other, each drained first and waited for: what a release does. Ctrl-C ends
everything. Every child has a pipe from here and ends with it.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from djangocrud import launch
from djangocrud.embedded import EmbeddedFailed
from djangocrud.env import env
from djangocrud.proxy import Proxy

READY_WITHIN_S = 60.0


class Cluster:
    """The children, and how one is replaced."""

    def __init__(self, count: int, *, port: int) -> None:
        self.ports = [port + 1 + number for number in range(count)]
        self.proxy = Proxy(self.ports, host=env.host, port=port)
        self.servers: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self._rolling = asyncio.Lock()

    async def run(self, ended: asyncio.Event) -> int:
        """Serve until `ended`, or until a child ends by itself; return the exit code."""
        since = time.monotonic()
        self.servers = [launch.spawn("serve", "--port", str(port)) for port in self.ports]
        self.workers = [launch.spawn("work")]
        try:
            async with self.proxy:
                if not await self._came_up():
                    return launch.refuse("a server did not come up")
                launch.say(self._welcome(time.monotonic() - since))
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(ended.wait(), 0.5)
                    if not self._rolling.locked() and any(child.poll() is not None for child in self._children):
                        return launch.refuse("one of the processes ended by itself")
                return 0
        finally:
            await asyncio.to_thread(self._end)

    async def roll(self) -> None:
        """Replace the servers one after the other: drain, wait for its end, start, wait until it is ready."""
        async with self._rolling:
            for place, port in enumerate(self.ports):
                launch.say(f"Restarting the server at {port}.")
                await asyncio.to_thread(_ended, self.servers[place])
                self.servers[place] = launch.spawn("serve", "--port", str(port))
                self.proxy.backends[place].ready = False
                if not await self._came_up():
                    launch.say(f"The server at {port} did not come up again: the others serve on.")
                    return
            launch.say("All servers are new.")

    @property
    def _children(self) -> list[subprocess.Popen[bytes]]:
        return [*self.servers, *self.workers]

    async def _came_up(self) -> bool:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await self.proxy.until_ready()
        except TimeoutError:
            return False
        return True

    def _end(self) -> None:
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        for child in self._children:
            _ended(child)

    def _welcome(self, seconds: float) -> str:
        lines = ["", f"Ease is ready: {len(self.servers)} servers in {seconds:.1f} s.", ""]
        lines.append(f"  Balanced    {self.proxy.base_url}/")
        lines.append(f"  Servers     {', '.join(map(str, self.ports))}, each with /readyz and /metrics")
        lines.append(f"  Restart     kill -USR1 {os.getpid()}")
        return "\n".join([*lines, "", "Ctrl-C stops all of them.", ""])


def run(count: int, port: int) -> int:
    for one in range(port, port + count + 1):
        refusal = launch.why_not_bindable(one)
        if refusal:
            return launch.refuse(refusal, launch.BAD_PORT)
    # For the children: jobs are the worker's, and no server keeps the clock.
    os.environ.setdefault("USE_CELERY", "True")  # noqa: TID251 - written, not read
    with launch.servers():
        code = launch.finish(launch.spawn("prepare", "--base-url", launch.base_url(port)))
        return code or asyncio.run(_serve(count, port))


async def _serve(count: int, port: int) -> int:
    cluster, ended = Cluster(count, port=port), asyncio.Event()
    loop = asyncio.get_running_loop()
    rolls: set[asyncio.Task[None]] = set()
    for number in launch.STOP_SIGNALS:
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: rolls.add(asyncio.ensure_future(cluster.roll())))
    return await cluster.run(ended)


def _ended(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to end, and kill it when the time for that is over."""
    with contextlib.suppress(ProcessLookupError):
        child.terminate()
    try:
        child.wait(launch.KILL_AFTER_S + 2)
    except subprocess.TimeoutExpired:
        launch.kill(child)
        child.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m djangocrud.cluster", description=__doc__)
    parser.add_argument("--servers", type=int, default=3, choices=range(1, 33), metavar="1..32")
    parser.add_argument("--port", type=int, default=env.port)
    given = parser.parse_args(arguments)
    launch.stop_on(*launch.STOP_SIGNALS)
    try:
        return run(given.servers, given.port)
    except EmbeddedFailed as error:
        return launch.refuse(str(error))
    except launch.Stopped as stopped:
        return int(stopped.code or 0)


if __name__ == "__main__":
    sys.exit(main())
