"""The partner door: a payment against the textbook's, and lists of loans by cursor."""

import asyncio
import json
import statistics
import urllib.request
import uuid
from collections.abc import Sequence
from typing import Any

from bench.figures import Report
from bench.load import Requester
from bench.rounds import Plan, Variant
from bench.stage import ServerProcess, Stage

PRODUCT = "djangocrud.asgi:application"
SETTINGS = "bench.variants.textbook_partner.settings"
CONNECTIONS = 4
OURS, TEXTBOOK = "ours", "textbook"
PAYMENTS, TEXTBOOK_PAYMENTS = "/payments/", "/textbook/payments/"
BODY = '{"external_id":"%s","customer_external_id":"%s","total_amount":"1.00"}'
EARLY = "page of 1,000 loans"


async def measure_partner(stage: Stage, plan: Plan, report: Report) -> None:
    rows = 1_000_000 if plan.rounds > 1 else 20_000
    seeded = await asyncio.to_thread(
        stage.work, "bench.partner_seed", str(rows), str(CONNECTIONS), DJANGO_SETTINGS_MODULE=SETTINGS
    )
    server = stage.serve(PRODUCT, prefix="partner", settings=SETTINGS)
    stage.ready()
    await _payments(plan, report, server, seeded["payers"])
    await _lists(plan, report, server, seeded, rows)


class Payer(Requester):
    """One connection on which one customer pays a cent after the other, each payment under a name of its own."""

    def __init__(self, head: str, customer: str) -> None:
        super().__init__(b"")
        self._head, self._customer = head, customer

    def _ask(self) -> None:
        body = BODY % (uuid.uuid4().hex, self._customer)
        self._request = f"{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        super()._ask()


async def _payments(plan: Plan, report: Report, server: ServerProcess, payers: Any) -> None:
    variants = []
    for name, path in ((OURS, PAYMENTS), (TEXTBOOK, TEXTBOOK_PAYMENTS)):
        await asyncio.to_thread(_pay_once, server, path, payers)
        variants.append(Variant(name, [server], await _payers(server, path, payers)))
    found = await plan.measure(variants)
    _close(variants)
    report.table("A payment on a loan, with posting, audit row and event", "payment", found.samples)
    report.hold("payment / textbook serializer view, CPU", found.ratio(OURS, TEXTBOOK), at_most=0.6)
    for name, path in ((OURS, PAYMENTS), (TEXTBOOK, TEXTBOOK_PAYMENTS)):
        made = await asyncio.to_thread(_pay_once, server, path, payers)
        report.line(f"queries of a payment, {name}", queries=made)


async def _payers(server: ServerProcess, path: str, payers: Any) -> Sequence[Payer]:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Api-Key: {payers['key']}\r\n"
    head += "Content-Type: application/json\r\n"
    made = [Payer(head, customer) for customer in payers["names"]]
    for payer in made:
        await asyncio.get_running_loop().create_connection(lambda payer=payer: payer, "127.0.0.1", server.port)
    return made


def _pay_once(server: ServerProcess, path: str, payers: Any) -> int:
    """Pay before anything is measured, too: the first request of a process loads what the others find loaded."""
    headers = {"X-Api-Key": payers["key"], "X-Count-Queries": "1", "Content-Type": "application/json"}
    body = (BODY % (uuid.uuid4().hex, payers["names"][0])).encode()
    with urllib.request.urlopen(urllib.request.Request(server.base_url + path, body, headers)) as answer:
        if json.loads(answer.read())["status"] != 1:
            raise RuntimeError("a payment was rejected")
        return int(answer.headers["X-Queries"])


async def _lists(plan: Plan, report: Report, server: ServerProcess, seeded: Any, rows: int) -> None:
    """One connection, so that the time holds the database's part and no waiting for each other."""
    late = f"page of {rows:,} loans"
    variants = []
    for name, whose in ((EARLY, "some"), (late, "many")):
        path = f"/loans/?page_size=100&cursor={seeded[whose]['cursor']}"
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nX-Api-Key: {seeded[whose]['key']}\r\n\r\n"
        asker = Requester(head.encode())
        await asyncio.get_running_loop().create_connection(lambda asker=asker: asker, "127.0.0.1", server.port)
        variants.append(Variant(name, [server], [asker]))
    for variant in variants:
        await variant.sample(warm_up_s=0, seconds=0.3)
    found = await plan.measure(variants)
    _close(variants)
    report.table("100 loans near the end of a bank's list, by cursor", "page", found.samples)
    delays = {name: statistics.median(one.delay_ms(0.5) for one in found.samples[name]) for name in (EARLY, late)}
    report.hold("loans by cursor: 1,000,000 / 1,000, CPU", found.ratio(late, EARLY), at_most=1.3)
    report.hold("loans by cursor: 1,000,000 / 1,000, time", delays[late] / delays[EARLY], at_most=1.3)


def _close(variants: Sequence[Variant]) -> None:
    for variant in variants:
        variant.close()
