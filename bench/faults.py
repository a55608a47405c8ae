"""What breaks while people talk, one kind after the other. Each is a task that runs until the talking ends."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import redis

from bench.stage import ServerProcess, Stage

DOWN_S = 2.0
AWAY_S = 5.0
ROOM_BYTES = 48 << 20

Fault = Callable[[Stage, Sequence[ServerProcess], float], Awaitable[int]]


async def nothing(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    """Cut sockets are all there is."""
    return 0


async def layer_cut(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    """The channel layer's connections are killed each second, those that listen and those that ring."""
    killed = 0
    with redis.Redis.from_url(stage.embedded.redis_url) as client:
        for _ in range(max(int(seconds * 0.8), 1)):
            await asyncio.sleep(1)
            for kind in ("pubsub", "normal"):
                killed += await asyncio.to_thread(client.client_kill_filter, _type=kind, skipme=True)
    return killed


async def valkey_away(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    """Valkey is gone for five seconds."""
    await asyncio.sleep(seconds * 0.2)
    await asyncio.to_thread(stage.embedded.stop_redis)
    await asyncio.sleep(AWAY_S)
    await asyncio.to_thread(stage.embedded.start_redis)
    return 1


async def postgres_fast(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    return await _restarts(stage, seconds, "fast")


async def postgres_immediate(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    return await _restarts(stage, seconds, "immediate")


async def servers_killed(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    """Each server in turn is killed with -9, and started again a little later."""
    for server in servers:
        await asyncio.sleep(seconds * 0.2)
        server.kill()
        await asyncio.sleep(min(DOWN_S, seconds * 0.1))
        server.launch()
        await asyncio.to_thread(server.wait_until_up)
    return len(servers)


async def rolling(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    """A release after the other: each server in turn is drained, replaced, and waited for."""
    replaced, ends = 0, asyncio.get_running_loop().time() + seconds * 0.8
    while asyncio.get_running_loop().time() < ends:
        server = servers[replaced % len(servers)]
        await asyncio.to_thread(server.stop)
        server.launch()
        await asyncio.to_thread(server.wait_until_up)
        replaced += 1
    return replaced


@contextlib.contextmanager
def small_disk(stage: Stage) -> Iterator[None]:
    """Move the database to a disk of its own with little room on it. Needs root, since it mounts."""
    stage.embedded.stop()
    (data,) = stage.embedded.store.glob("data-*")
    aside = data.with_name("aside")
    data.rename(aside)
    data.mkdir()
    size = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file()) + ROOM_BYTES
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(data)], check=True)
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(data)], check=True)
        shutil.rmtree(aside)
        stage.embedded.start()
        yield
    finally:
        stage.clear()
        stage.embedded.stop()
        subprocess.run(["umount", str(data)], check=True)


async def disk_full(stage: Stage, servers: Sequence[ServerProcess], seconds: float) -> int:
    """Somebody fills the database's disk, and makes room again. What PostgreSQL does not survive is started anew."""
    (data,) = stage.embedded.store.glob("data-*")
    await asyncio.sleep(seconds * 0.2)
    await asyncio.to_thread(_fill, data / "filler")
    await asyncio.sleep(seconds * 0.5)
    (data / "filler").unlink()
    await asyncio.to_thread(stage.embedded.start)
    return 1


def _fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(1 << 20)):
            continue
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while file.write(bytes(512)):
            continue


async def _restarts(stage: Stage, seconds: float, mode: str) -> int:
    """Two restarts; `immediate` is a crash that PostgreSQL recovers from."""
    for _ in range(2):
        await asyncio.sleep(seconds * 0.25)
        await asyncio.to_thread(stage.embedded.restart_postgres, mode)
    return 2


FAULTS: dict[str, Fault] = {
    "cuts": nothing,
    "layer": layer_cut,
    "valkey": valkey_away,
    "postgres-fast": postgres_fast,
    "postgres-immediate": postgres_immediate,
    "servers": servers_killed,
    "rolling": rolling,
}
# By name only: they need more than an ordinary user may.
BY_NAME: dict[str, Fault] = {"disk-full": disk_full}
