"""Interleaved rounds: each variant in turn, several times, so that the machine's moods meet all of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.figures import Rounds, Sample
from bench.stage import ServerProcess

DONE_WITHIN_S = 30.0


class Worker(Protocol):
    """Something that does one operation after the other and counts them."""

    done: int
    delays_s: list[float]

    def go(self) -> None: ...

    async def pause(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Variant:
    """What is measured: workers, and the servers whose CPU they cost. `each` operations are counted for one done."""

    name: str
    servers: Sequence[ServerProcess]
    workers: Sequence[Worker]
    each: int = 1

    async def sample(self, *, warm_up_s: float, seconds: float) -> Sample:
        for worker in self.workers:
            worker.go()
        await asyncio.sleep(warm_up_s)
        clock = asyncio.get_running_loop().time
        for worker in self.workers:
            worker.delays_s.clear()
        done, cpu, since = self._done(), self._cpu(), clock()
        await asyncio.sleep(seconds)
        while self._done() == done and clock() - since < DONE_WITHIN_S:  # Short samples of a machine that is very busy.
            await asyncio.sleep(0.01)
        done, cpu, took = self._done() - done, self._cpu() - cpu, clock() - since
        delays = [delay for worker in self.workers for delay in worker.delays_s]
        await asyncio.gather(*(worker.pause() for worker in self.workers))
        if not done:
            raise RuntimeError(f"{self.name}: nothing was done in {DONE_WITHIN_S} s")
        return Sample(done * self.each, took, cpu, delays)

    def close(self) -> None:
        for worker in self.workers:
            worker.close()

    def _done(self) -> int:
        return sum(worker.done for worker in self.workers)

    def _cpu(self) -> float:
        return sum(server.cpu_seconds for server in self.servers)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to measure. `share`: how many of what is counted and not timed, of the usual number."""

    rounds: int
    seconds: float
    warm_up_s: float
    share: float = 1.0

    def some(self, usual: int) -> int:
        """Return how many to take where a full run takes `usual`; at least one."""
        return max(1, int(usual * self.share))

    async def measure(self, variants: Sequence[Variant]) -> Rounds:
        """Sample every variant in every round, in alternating order."""
        found = Rounds()
        for number in range(self.rounds):
            for variant in variants if number % 2 == 0 else tuple(reversed(variants)):
                sample = await variant.sample(warm_up_s=self.warm_up_s, seconds=self.seconds)
                found.add(variant.name, sample)
        return found
