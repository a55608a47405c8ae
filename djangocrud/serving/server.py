"""The server: Daphne's, with our port, our connections, one sweep for all limits of time, and an orderly end.

The end, at SIGTERM or SIGINT: no new connections; idle ones close; requests that run are answered, later ones refused;
the `on_drain` hooks run; sockets that are left get a close frame (4012); `on_stop` hooks; exit. `drain_s` bounds all
but the last second. Should anything hang, in Python or below, a watchdog in C prints every thread's stack and exits:
the process is gone `drain_s` + 2 s after the signal, whatever happens. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from email.utils import formatdate
from typing import Any

from daphne.http_protocol import HTTPFactory
from daphne.server import Server as DaphneServer
from twisted.internet import reactor
from twisted.logger import FilteringLogObserver, LogLevel, LogLevelFilterPredicate, STDLibLogObserver, globalLogBeginner

from djangocrud.serving import lifecycle
from djangocrud.serving.channel import Channel
from djangocrud.serving.http import Request
from djangocrud.serving.limits import Limits
from djangocrud.serving.transport import ListeningPort
from djangocrud.serving.websocket import EXTENSION, Inbox, Socket, SocketFactory, SocketProtocol

logger = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]

GOING_AWAY = 4012
STOP_S = 1.0  # after the drain: close frames, stop hooks
WATCHDOG_S = 1.8
SAME_SIGNAL_S = 0.5  # Ctrl-C reaches us from the terminal and, at once again, from the launcher: that is one signal


class RequestFactory(HTTPFactory):
    """Makes a channel for each connection. Plain HTTP/1.1: TLS and HTTP/2 end at the proxy."""

    noisy = False

    def buildProtocol(self, addr: Any) -> Channel:
        channel = Channel(self.server)
        channel.factory = self
        channel.requestFactory = Request
        return channel

    def startFactory(self) -> None:
        """No access log, so nothing of Twisted's to prepare for one."""

    stopFactory = startFactory


class Server(DaphneServer):
    def __init__(
        self,
        application: Application,
        limits: Limits,
        *,
        host: str = "127.0.0.1",
        port: int = 8000,
        fd: int | None = None,
    ) -> None:
        super().__init__(
            application,
            endpoints=["our own"],
            signal_handlers=False,
            ping_interval=limits.ping_interval_s,
            ping_timeout=limits.ping_timeout_s,
            websocket_timeout=-1,
            websocket_handshake_timeout=20,
            verbosity=0,
            server_name="",
        )
        self.limits = limits
        self.host, self.port, self.fd = host.strip("[]"), port, fd
        self.loop: asyncio.AbstractEventLoop = reactor._asyncioEventloop
        self.channels: set[Channel] = set()
        self.connections: dict[SocketProtocol, dict[str, Any]] = {}
        self.bodies_held = 0
        self.date_line = b""
        self.exit_code = 0
        self._port: ListeningPort | None = None
        self._signalled_at: float | None = None
        self._drain_task: asyncio.Task[None] | None = None

    @property
    def draining(self) -> bool:
        return lifecycle.is_draining()

    # Start

    def run(self) -> int:
        """Serve until a signal; return the exit code."""
        self.http_factory = RequestFactory(self)
        self.ws_factory = SocketFactory(self, server=self.server_name)
        self.ws_factory.setProtocolOptions(
            autoPingTimeout=self.ping_timeout,
            allowNullOrigin=True,
            openHandshakeTimeout=self.websocket_handshake_timeout,
            closeHandshakeTimeout=self.limits.close_wait_s,
            failByDrop=False,
            utf8validateIncoming=False,  # decoding does it
            maxMessagePayloadSize=self.limits.frame_max,
            maxFramePayloadSize=self.limits.frame_max,
        )
        errors = FilteringLogObserver(STDLibLogObserver("twisted"), [LogLevelFilterPredicate(LogLevel.error)])
        globalLogBeginner.beginLoggingTo([errors], redirectStandardIO=False, discardBuffer=True)
        asyncio.set_event_loop(self.loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        reactor.callWhenRunning(lambda: self.loop.create_task(self._start()))
        reactor.run(installSignalHandlers=False)
        return self.exit_code

    async def _start(self) -> None:
        """Bind, run the start hooks, then accept. Whoever connects in between waits in the kernel's queue."""
        try:
            port = self._bind()
            for hook in lifecycle.on_start:
                await hook()
        except Exception:
            logger.critical("The server could not start.", exc_info=True)
            self.exit_code = 1
            reactor.stop()
            return
        self._port = port
        if self.draining:
            return
        self._sweep()
        self.application_checker()
        self.timeout_checker()
        port.startReading()
        logger.info("Listening on %s port %s.", port.getHost().host, port.getHost().port)

    def _bind(self) -> ListeningPort:
        if self.fd is not None:
            port = _adopt(self.fd, self.http_factory)
        else:
            port = ListeningPort(self.port, self.http_factory, 1024, self.host, reactor)
        port.startListening()
        port.stopReading()
        return port

    def _sweep(self) -> None:
        self.loop.call_later(self.limits.tick_s, self._sweep)  # first, so that nothing below can end it
        self.date_line = b"Date: %b\r\n" % formatdate(usegmt=True).encode()
        now = time.monotonic()
        for channel in list(self.channels):
            channel.sweep(now)

    # Sockets, in Daphne's bookkeeping

    def create_application(self, protocol: SocketProtocol, scope: dict[str, Any]) -> Inbox:
        scope.update(
            asgi={"version": "3.0"},
            client=protocol.transport.client_address,
            server=protocol.transport.server_address,
            extensions={EXTENSION: Socket(protocol)},
        )
        inbox = protocol.make_inbox()
        self.connections[protocol]["application_instance"] = self.loop.create_task(
            self._run_socket(protocol, scope, inbox)
        )
        return inbox

    async def _run_socket(self, protocol: SocketProtocol, scope: dict[str, Any], inbox: Inbox) -> None:
        try:
            await self.application(scope, inbox.get, protocol.send)
        except Exception:
            logger.exception("The application failed: WebSocket %s", scope["path"])
            protocol.fail()
        else:
            protocol.application_ended()

    def protocol_disconnected(self, protocol: Any) -> None:
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

    # End

    def _on_signal(self, number: int, frame: object) -> None:
        """Runs between two instructions of whatever the main thread does, so even while the loop is stuck."""
        now = time.monotonic()
        if self._signalled_at is None:
            self._signalled_at = now
            faulthandler.dump_traceback_later(self.limits.drain_s + WATCHDOG_S, exit=True, file=sys.stderr)
            lifecycle.begin_drain()
            self.loop.call_soon_threadsafe(self._begin_drain)
        elif now - self._signalled_at > SAME_SIGNAL_S:
            os._exit(128 + number)

    def _begin_drain(self) -> None:
        self._drain_task = self.loop.create_task(self._drain())

    async def _drain(self) -> None:
        deadline = self.loop.time() + self.limits.drain_s
        logger.info("Draining: %d HTTP connections, %d sockets.", len(self.channels), len(self.connections))
        if self._port is not None:
            self._port.stopListening()
        for channel in list(self.channels):
            channel.drain()
        hooks = [asyncio.create_task(_guarded(hook)) for hook in lifecycle.on_drain]
        await _finish(hooks, deadline - self.loop.time())
        for protocol in list(self.connections):
            protocol.go_away(GOING_AWAY)
        while self._is_busy() and self.loop.time() < deadline:
            await asyncio.sleep(0.02)
        await self._close_rest(deadline + STOP_S)
        reactor.stop()

    async def _close_rest(self, deadline: float) -> None:
        """End what outlived the drain, let the applications of sockets hear of it, and run the stop hooks."""
        for channel in list(self.channels):
            channel.cut()
        while self._socket_tasks() and self.loop.time() < deadline - STOP_S / 2:
            await asyncio.sleep(0.02)
        for task in self._socket_tasks():
            task.cancel()
        stop = asyncio.create_task(_in_order(lifecycle.on_stop))
        await _finish([stop], deadline - self.loop.time())

    def _is_busy(self) -> bool:
        return bool(self._socket_tasks()) or any(channel.is_busy for channel in self.channels)

    def _socket_tasks(self) -> list[asyncio.Task[None]]:
        tasks = (details.get("application_instance") for details in self.connections.values())
        return [task for task in tasks if task is not None and not task.done()]


async def _guarded(hook: lifecycle.Hook) -> None:
    try:
        await hook()
    except Exception:
        logger.exception("A hook failed while the server ended.")


async def _in_order(hooks: Iterable[lifecycle.Hook]) -> None:
    for hook in hooks:
        await _guarded(hook)


async def _finish(tasks: list[asyncio.Task[None]], timeout_s: float) -> None:
    """Wait for tasks, and cancel those that take too long."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=max(0.0, timeout_s))
        for task in late:
            logger.warning("A hook did not finish in time while the server ended.")
            task.cancel()


def _adopt(fd: int, factory: RequestFactory) -> ListeningPort:
    """Listen on a TCP socket that somebody else has bound and put to listen. The descriptor becomes ours."""
    with socket.socket(fileno=fd) as given:
        given.setblocking(False)
        return ListeningPort._fromListeningDescriptor(reactor, fd, given.family, factory)
