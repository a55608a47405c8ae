"""One POST to an address that somebody else chose, without being led anywhere else by it.

Invariants:

1. Names are resolved once, and the connection goes to one of the addresses that were checked then: a name that points
   elsewhere a moment later (DNS rebinding) leads nowhere. TLS checks the certificate against the name.
2. Every address of the name must be public. Those of private networks, of this machine, of the provider's metadata
   service and their disguises in IPv6 are refused, when a webhook is stored and at each connect.
3. Redirects are not followed, proxies of the environment not asked. The whole takes `DEADLINE_S` at most, however
   slowly the other side talks, and no more than `READ_MAX` bytes of its answer are read.

`WEBHOOK_LOOPBACK` (a setting of development) lets this machine's own addresses pass.
"""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from django.conf import settings

URL_MAX = 500
CONNECT_S = 5.0
DEADLINE_S = 10.0
READ_MAX = 16 * 1024
TRIED_MAX = 3
PORTS = {"https": 443, "http": 80}
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NAT64 = IPv6Network("64:ff9b::/96")


class AddressRefused(Exception):
    """Webhooks do not go there. Says why, in words for whoever wrote the address down."""


class NotAnswered(Exception):
    """Nothing came back that could be read. `fault` is one word: dns, connect, tls, timeout, broken."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Address:
    """A URL, taken apart."""

    is_secure: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["https" if self.is_secure else "http"] else f"{host}:{self.port}"


def checked(url: str) -> Address:
    """Take a URL apart. Raises: AddressRefused for one that is none, or is not https where it has to be."""
    if len(url) > URL_MAX or not _PRINTABLE.fullmatch(url):
        raise AddressRefused(f"At most {URL_MAX} printable ASCII characters.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressRefused("This is no address.") from None
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_PLAIN_HTTP):
        raise AddressRefused("The address must begin with https://.")
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressRefused("An address has a host, and no user, password or fragment.")
    port = PORTS[parts.scheme] if port is None else port
    if port < 1024 and port not in PORTS.values():
        raise AddressRefused("Ports below 1024 are those of other services.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme == "https", host, port, path)


def resolved(address: Address) -> list[str]:
    """Return the IP addresses of the host, all of them public. Raises: AddressRefused, NotAnswered("dns")."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise NotAnswered("dns") from fault
    ips = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not ips or not all(_is_allowed(ip) for ip in ips):
        raise AddressRefused("The address leads into a private network.")
    return ips


def post(url: str, *, headers: Mapping[str, str], body: bytes) -> int:
    """Send the body and return the status of the answer. Raises: AddressRefused, NotAnswered."""
    address = checked(url)
    connection = _Pinned(address, resolved(address)[:TRIED_MAX])
    watch = threading.Timer(DEADLINE_S, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", address.path, body, {**headers, "Host": address.host_header, "Connection": "close"})
        response = connection.getresponse()
        response.read(READ_MAX)
        if connection.is_cut:  # What had come by then may look whole.
            raise TimeoutError
        return response.status
    except ssl.SSLError as fault:
        raise NotAnswered("timeout" if connection.is_cut else "tls") from fault
    except (OSError, HTTPException, ValueError) as fault:
        is_late = connection.is_cut or isinstance(fault, TimeoutError)
        raise NotAnswered("timeout" if is_late else "broken" if connection.held else "connect") from fault
    finally:
        watch.cancel()
        connection.close()
        connection.let_go()


class _Pinned(HTTPConnection):
    """A connection to addresses that were checked, whatever the host's name would lead to by now."""

    def __init__(self, address: Address, ips: Sequence[str]) -> None:
        super().__init__(address.host, address.port, timeout=CONNECT_S)
        self.held: socket.socket | None = None
        self.is_cut = False
        self._address = address
        self._ips = ips

    def connect(self) -> None:
        raw = self._reached()
        if self._address.is_secure:
            secured = _tls().wrap_socket(raw, server_hostname=self._address.host, do_handshake_on_connect=False)
            self.held = self.sock = secured
            secured.do_handshake()
        else:
            self.held = self.sock = raw

    def cut(self) -> None:
        """End it from another thread: whoever waits for the other side gets an error."""
        self.is_cut = True
        if self.held is not None:
            with contextlib.suppress(OSError):
                self.held.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        if self.held is not None:
            with contextlib.suppress(OSError):
                self.held.close()

    def _reached(self) -> socket.socket:
        last: OSError = OSError("no address")
        for ip in self._ips:
            if self.is_cut:
                break
            raw = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM)
            raw.settimeout(CONNECT_S)
            try:
                raw.connect((ip, self._address.port))
            except OSError as fault:
                raw.close()
                last = fault
            else:
                return raw
        raise last


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _is_allowed(text: str) -> bool:
    ip = ip_address(text.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = _inner(ip)
        if inner is not None:
            ip = inner
    if ip.is_loopback:
        return bool(settings.WEBHOOK_LOOPBACK)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one leads to: mapped, 6to4, NAT64, Teredo's client."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
