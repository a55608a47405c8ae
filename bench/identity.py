"""Who is who, and what asking costs: a signed-in request, signing in, the limits, and how fast a session ends."""

import asyncio
import itertools
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence

from bench.client import call
from bench.figures import Report, Rounds, Sample, percentile
from bench.load import Peer, Requester, connect
from bench.rounds import Plan, Variant
from bench.stage import ServerProcess, Stage

WORDS = "quiet purple tractor"
PRODUCT = "djangocrud.asgi:application"
SETTINGS = "bench.variants.identity_settings"
PEOPLE = 128  # so many that nobody comes near the 600 requests a minute that each may make
CONNECTIONS = 4  # as many as the server has threads; more would only queue
REVOCATIONS = 100
SIGN_INS = 6
SIGNED, SIGNED_UNLIMITED = "signed in", "signed in, no limits"
ANYBODY, ANYBODY_UNLIMITED = "anonymous", "anonymous, no limits"
PATHS = {
    SIGNED: "/bench/signed/",
    SIGNED_UNLIMITED: "/bench/signed-unlimited/",
    ANYBODY: "/bench/anybody/",
    ANYBODY_UNLIMITED: "/bench/anybody-unlimited/",
}
SIGN_IN, HASH = "sign-in", "password hash"


async def measure_identity(stage: Stage, plan: Plan, report: Report) -> None:
    revocations = plan.some(REVOCATIONS)
    seeded = stage.seed((PEOPLE + revocations + 1) // 2)
    tokens = [token for chat in seeded for token in (chat.customer, chat.agent)]
    one, other = (stage.serve(PRODUCT, prefix="identity", settings=SETTINGS) for _ in range(2))
    stage.ready()
    await _requests(plan, report, one, tokens[:PEOPLE])
    await asyncio.to_thread(_sign_ins, plan, report, one)
    await _revocations(report, one, other, tokens[PEOPLE : PEOPLE + revocations])


async def _requests(plan: Plan, report: Report, server: ServerProcess, tokens: Sequence[str]) -> None:
    variants = [Variant(name, [server], await _askers(server, path, tokens)) for name, path in PATHS.items()]
    await variants[0].sample(warm_up_s=1, seconds=1)  # From here on everybody is known to the cache.
    found = await plan.measure(variants)
    for variant in variants:
        variant.close()
    report.table(f"HTTP: views that do nothing, {len(tokens)} people", "request", found.samples)
    report.hold("signed in / anonymous, CPU", found.ratio(SIGNED, ANYBODY), at_most=1.3)
    report.hold("limits on a signed-in request, CPU", found.ratio(SIGNED, SIGNED_UNLIMITED), at_most=1.05)
    report.hold("limits on an anonymous request, CPU", found.ratio(ANYBODY, ANYBODY_UNLIMITED), at_most=1.05)
    queries = await asyncio.to_thread(_queries, server, PATHS[SIGNED], tokens[0])
    report.hold("queries of a signed-in request", queries, at_most=0)


class Asker(Requester):
    """One connection, on which several people ask in turns."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        super().__init__(requests[0])
        self._turns = itertools.cycle(requests)

    def _ask(self) -> None:
        self._request = next(self._turns)
        super()._ask()


async def _askers(server: ServerProcess, path: str, tokens: Sequence[str]) -> list[Requester]:
    """Connections with some people each. Anonymous requests carry a header as long, which nobody reads."""
    name = "Authorization" if path.startswith("/bench/signed") else "X-Unread-Word"
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{name}: Bearer "
    requests = [f"{head}{token}\r\n\r\n".encode() for token in tokens]
    made: list[Requester] = []
    for number in range(CONNECTIONS):
        asker = Asker(requests[number::CONNECTIONS])
        await asyncio.get_running_loop().create_connection(lambda asker=asker: asker, "127.0.0.1", server.port)
        made.append(asker)
    return made


def _queries(server: ServerProcess, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Count-Queries": "1"}
    for _ in range(2):  # The first one may have to fill the cache.
        with urllib.request.urlopen(urllib.request.Request(server.base_url + path, headers=headers)) as answer:
            made = int(answer.headers["X-Queries"])
    return made


def _sign_ins(plan: Plan, report: Report, server: ServerProcess) -> None:
    """One after the other, counted exactly: there are too few in a few seconds to cut at moments."""
    email = f"{uuid.uuid4().hex}@bench.example"
    names = {"first_name": "Bo", "last_name": "Banker"}
    _ask(server, "/api/users/register/", {"email": email, "password": WORDS, **names}, 202)
    known = {"username": email, "password": WORDS}
    acts = {
        SIGN_IN: lambda: _ask(server, "/api/users/login/", known, 200),
        HASH: lambda: _ask(server, "/bench/hash/", known, 200),
    }
    found = Rounds()
    for act in acts.values():
        act()
    for _ in range(plan.rounds):
        for name, act in acts.items():
            found.add(name, _sample(server, act, plan.some(SIGN_INS)))
    report.table("Signing in, one after the other", "sign-in", found.samples)
    report.hold("sign-in / password hash, CPU", found.ratio(SIGN_IN, HASH), at_most=1.15)


def _ask(server: ServerProcess, path: str, body: object, status: int) -> None:
    answer = call(server.base_url, "POST", path, body)
    if answer[0] != status:
        raise RuntimeError(f"{path} answered {answer}")


def _sample(server: ServerProcess, act: Callable[[], None], times: int) -> Sample:
    delays_s: list[float] = []
    cpu, since = server.cpu_seconds, time.perf_counter()
    for _ in range(times):
        began = time.perf_counter()
        act()
        delays_s.append(time.perf_counter() - began)
    return Sample(times, time.perf_counter() - since, server.cpu_seconds - cpu, delays_s)


async def _revocations(report: Report, one: ServerProcess, other: ServerProcess, tokens: Sequence[str]) -> None:
    """Sign out at one process; a socket at the other must end. From before the request to the socket's close."""
    sockets = [await connect(other.port, f"/ws/notifications/?token={token}", _unheard) for token in tokens]
    await asyncio.sleep(1)
    delays_s = []
    for token, socket in zip(tokens, sockets, strict=True):
        since = time.perf_counter()
        signing_out = asyncio.create_task(
            asyncio.to_thread(call, one.base_url, "POST", "/api/users/logout/", None, token)
        )
        while socket.ended is None and time.perf_counter() - since < 10:
            await asyncio.sleep(0.001)
        delays_s.append(time.perf_counter() - since)
        if (await signing_out)[0] != 200 or socket.ended != "closed with 4001":
            raise RuntimeError(f"a sign-out ended a socket with: {socket.ended}")
    print(f"\nSign-out at one process, socket at another, {len(tokens)} times", flush=True)
    report.line("until closed", p50_ms=percentile(delays_s, 0.5) * 1e3, p99_ms=percentile(delays_s, 0.99) * 1e3)
    report.hold("revocation reaches a socket elsewhere, p99, seconds", percentile(delays_s, 0.99), at_most=1)


def _unheard(peer: Peer, payload: bytes) -> None:
    """What the sockets are told is not measured."""
