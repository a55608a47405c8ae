"""The TCP side: connections that write straight to the kernel while it keeps up, and the port that makes them.

Twisted buffers every write, arms the selector, and sends on the next turn of the loop. Most of our writes are small
and fit the kernel's buffer, so here they are sent at once; only what the kernel does not take goes Twisted's way.
Order is kept because nothing is sent directly while anything is buffered.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from twisted.internet import tcp

MAPPED_IPV4 = "::ffff:"


class Connection(tcp.Server):
    """A client's connection. `taken` counts the bytes that the kernel has taken so far."""

    taken = 0

    @property
    def unsent(self) -> int:
        """Bytes that were written and that the kernel has not taken yet."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    @cached_property
    def client_address(self) -> list[Any]:
        return _address(self.client)

    @cached_property
    def server_address(self) -> list[Any]:
        return _address(self.socket.getsockname())

    def write(self, data: bytes) -> None:
        if self.dataBuffer or self._tempDataBuffer or not self.connected or self.disconnecting or self._aborting:
            super().write(data)
            return
        try:
            sent = self.socket.send(data)
        except OSError:  # the kernel's buffer is full, or the connection is broken: the reactor will find out which
            sent = 0
        self.taken += sent
        if sent < len(data):
            super().write(data[sent:])

    def writeSequence(self, iovec: Any) -> None:
        self.write(b"".join(iovec))

    def writeSomeData(self, data: bytes) -> Any:
        sent = super().writeSomeData(data)
        if isinstance(sent, int):
            self.taken += sent
        return sent


class ListeningPort(tcp.Port):
    """A listening socket whose connections are ours."""

    transport = Connection


def _address(name: tuple[Any, ...]) -> list[Any]:
    """Return host and port as ASGI has them. A client that came by IPv4 to an IPv6 socket keeps its IPv4 address."""
    host = name[0]
    if host.startswith(MAPPED_IPV4) and "." in host:
        host = host[len(MAPPED_IPV4) :]
    return [host, name[1]]
