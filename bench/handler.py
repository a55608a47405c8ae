"""Our HTTP handler against Django's own, both under our server: an empty view behind the product's middleware."""

import asyncio

from bench.figures import Report
from bench.load import open_requester
from bench.rounds import Plan, Variant
from bench.stage import Stage

CONNECTIONS = 16
POOLED, DJANGO = "pooled handler", "Django's ASGI handler"
APPS = {POOLED: "bench.variants.pooled:application", DJANGO: "bench.variants.django_asgi:application"}


async def measure_handler(stage: Stage, plan: Plan, report: Report) -> None:
    settings = "bench.variants.noop_settings"
    servers = {name: stage.serve(app, prefix="noop", settings=settings) for name, app in APPS.items()}
    stage.ready()
    variants = []
    for name, server in servers.items():
        workers = await asyncio.gather(*(open_requester(server.port, "/noop/") for _ in range(CONNECTIONS)))
        variants.append(Variant(name, [server], workers))
    found = await plan.measure(variants)
    for variant in variants:
        variant.close()
    report.table(f"HTTP: an empty view, {CONNECTIONS} connections", "request", found.samples)
    report.hold("Django's handler / pooled, CPU", found.ratio(DJANGO, POOLED), at_least=2.5)
