"""`python -m djangocrud.serve`: the web process, REST and WebSockets, under our own Daphne (ADR 0001)."""

from __future__ import annotations

import daphne.server  # isort: skip  # first: it installs the reactor that everything else must find

import argparse
import ctypes
import dataclasses
import gc
import importlib
import logging
import sys
from collections.abc import Sequence

from djangocrud.serving.limits import Limits
from djangocrud.serving.server import Server

__all__ = ["daphne", "main"]

M_MMAP_THRESHOLD = -3  # malloc.h
LARGE_BYTES = 128 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the application that `--app` names; the module may give its `Limits` as `serving_limits`."""
    options = _parser().parse_args(arguments)
    module_name, _, attribute = options.app.partition(":")
    module = importlib.import_module(module_name)
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    limits: Limits = getattr(module, "serving_limits", Limits())
    if options.drain_seconds is not None:
        limits = dataclasses.replace(limits, drain_s=options.drain_seconds)
    application = getattr(module, attribute or "application")
    _give_large_memory_back()
    gc.collect()
    gc.freeze()  # what the imports made stays for ever: a full collection need not walk it, and pause every socket
    return Server(application, limits, host=options.host, port=options.port, fd=options.fd).run()


def _give_large_memory_back() -> None:
    """Have glibc return each large block to the system when it is freed.

    By itself it raises the limit for that with every large block it sees, and then keeps what uploads and pictures took
    in the arenas of all threads: 150 MB after 20 documents of 10 MB at once.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # glibc's; others have no such limit to fix
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m djangocrud.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="an address of this machine; :: for all, IPv4 and IPv6")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--fd", type=int, help="a listening TCP socket to take over, instead of host and port")
    parser.add_argument("--app", default="djangocrud.asgi:application", help="module:attribute")
    parser.add_argument("--drain-seconds", type=float, help="how long SIGTERM waits for requests and sockets")
    return parser


if __name__ == "__main__":
    sys.exit(main())
