"""What both embedded servers have in common: being alive, answering, starting and stopping.

A server is *alive* while any of its processes exists: they all inherit an open, locked file from us, and the
kernel drops that lock with the last of them. No process number is ever trusted to say so, because a number in a
file may by now belong to somebody else. A server *answers* when we signed in with our secret. Both can differ:
it may be starting, stopping, stuck, or hold another secret.

All methods that change something are called under the start lock of `Embedded`.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from djangocrud.embedded.place import EmbeddedFailed, Place, open_lock, try_lock

READY_WITHIN_S = 30
STOP_WITHIN_S = {"fast": 3, "immediate": 2, "kill": 10}
POLL_S = 0.02


class Answer(Enum):
    READY = "signed in"
    LATER = "no answer yet, which may change by itself"
    REFUSED = "a server that does not know our secret"


class Server(ABC):
    """One embedded server of a place."""

    name: str

    def __init__(self, place: Place) -> None:
        self.place = place

    @abstractmethod
    def ask(self) -> Answer:
        """Try to sign in."""

    @abstractmethod
    def launch(self, life: int) -> None:
        """Start the programs and let them inherit the file `life`. Nothing of the server is alive before."""

    @abstractmethod
    def request_stop(self, mode: str) -> None:
        """Ask the running programs to end; `kill` is for those that do not listen."""

    @property
    @abstractmethod
    def log(self) -> Path: ...

    def start(self) -> None:
        """Start the server, or adopt it when it runs already.

        Raises: EmbeddedFailed with the last line of the server's log.
        """
        if self.ask() is Answer.READY:
            return
        if self.alive() and self._settled() is Answer.READY:
            return
        self.stop("immediate")
        _keep_log_small(self.log)
        life = open_lock(self._life_file)
        try:
            if not try_lock(life):
                raise EmbeddedFailed(f"{self.name} is still running but cannot be reached")
            self.launch(life)
        finally:
            os.close(life)
        if self._settled() is not Answer.READY:
            raise EmbeddedFailed(f"{self.name} did not start: {self._last_words()} (see {self.log})")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server and return when nothing of it is left. Harder means follow when it does not listen.

        Raises: EmbeddedFailed when even those leave something alive.
        """
        for means in dict.fromkeys([mode, "immediate", "kill"]):
            if not self.alive():
                return
            self.request_stop(means)
            if _wait(lambda: not self.alive(), STOP_WITHIN_S[means]):
                return
        raise EmbeddedFailed(f"{self.name} cannot be stopped (see {self.log})")

    def alive(self) -> bool:
        try:
            life = os.open(self._life_file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            return not try_lock(life)
        finally:
            os.close(life)

    @property
    def _life_file(self) -> Path:
        return self.place.store / f"{self.name.lower()}.alive"

    def _settled(self) -> Answer:
        """Wait while the server may still come up by itself, and return its answer."""
        answer = Answer.LATER

        def decided() -> bool:
            nonlocal answer
            answer = self.ask()
            return answer is not Answer.LATER or not self.alive()

        _wait(decided, READY_WITHIN_S)
        return answer

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return lines[-1].strip() if lines else "its log is empty"


def _wait(done: Callable[[], bool], limit_s: float) -> bool:
    """Poll until `done`, at most for `limit_s`. Returns whether it came to be."""
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _keep_log_small(log: Path, limit_bytes: int = 5_000_000) -> None:
    """Keep one older log: an embedded server has nobody else to rotate it."""
    if log.exists() and log.stat().st_size > limit_bytes:
        log.replace(log.with_suffix(".old.log"))
