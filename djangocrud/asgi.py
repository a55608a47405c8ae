"""The process put together: HTTP by Django in fixed threads, WebSockets by the slices' own applications."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djangocrud.settings")  # noqa: TID251 - Django's own convention
django.setup()

from typing import Any, cast  # noqa: E402

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from backend.assistant.consumers import chatbot_socket  # noqa: E402
from backend.common import health, jobs, metrics  # noqa: E402
from backend.common.pool import PoolBusy, PoolTimeout  # noqa: E402
from backend.console.consumers import console_socket  # noqa: E402
from backend.identity.consumers import notification_socket  # noqa: E402
from backend.realtime import runtime  # noqa: E402
from backend.realtime.sockets import no_such_socket  # noqa: E402
from backend.support.consumers import chat_socket  # noqa: E402
from djangocrud.env import env  # noqa: E402
from djangocrud.handler import PooledHandler, http_pool  # noqa: E402
from djangocrud.metrics import http_families, metrics_page  # noqa: E402
from djangocrud.serving import lifecycle  # noqa: E402
from djangocrud.serving.limits import Limits, names_path  # noqa: E402

if env.sentry_dsn:
    from djangocrud.sentry import report_to  # brings modules that others do not need

    report_to(env.sentry_dsn, environment=env.environment)

# Read by djangocrud/serve.py.
serving_limits = Limits(body_limits=settings.BODY_LIMITS, drain_s=settings.DRAIN_SECONDS)

pools = {
    "web": http_pool("web", settings.WEB_THREADS),
    "doors": http_pool("doors", settings.DOOR_THREADS),
    # A slow client holds its thread for as long as it sends: the server's limits of arrival end it, not this one.
    "uploads": http_pool("uploads", settings.UPLOAD_THREADS, waiting_max=32, wait_s=30.0, run_s=900.0),
    # Somebody waits there for a model to answer, and nobody else with them.
    "assistant": http_pool("assistant", settings.ASSISTANT_THREADS, waiting_max=8, wait_s=3.0, run_s=20.0),
    # Whether the process is ready must not depend on how busy the threads are that serve people.
    "probes": http_pool("probes", 1, waiting_max=8, run_s=10.0),
    # Nor on a broker or a database that lets whoever asks for metrics wait.
    "metrics": http_pool("metrics", 1, waiting_max=4, run_s=10.0),
}


def route_pool(request_path: str) -> str:
    if request_path in settings.DOOR_PATHS:
        return "doors"
    if request_path in settings.ASSISTANT_PATHS:
        return "assistant"
    if any(names_path(pattern, request_path) for pattern in settings.UPLOAD_PATHS):
        return "uploads"
    return "web"


async def livez() -> tuple[int, dict[str, Any]]:
    return 200, {"status": "ok"}


async def readyz() -> tuple[int, dict[str, Any]]:
    if lifecycle.is_draining():
        return 503, {"status": "draining"}
    try:
        return await pools["probes"].run(health.readiness)
    except (PoolBusy, PoolTimeout):
        return 503, {"status": "unanswered"}


# Channels routes ASGI applications with Django's `path`, whose types know only views.
chat: Any = chat_socket
notifications: Any = notification_socket
console: Any = console_socket
chatbot: Any = chatbot_socket
sockets: list[Any] = [
    path("ws/support/chat/<uuid:chat_id>/", chat),
    path("api/ws/support/chat/<uuid:chat_id>/", chat),
    path("ws/support/chatbot/", chatbot),
    path("api/ws/support/chatbot/", chatbot),
    path("ws/notifications/", notifications),
    path("api/ws/notifications/", notifications),
    path("ws/console/", console),
    re_path(r"", cast(Any, no_such_socket)),
]
http = PooledHandler(
    pools,
    route_pool,
    probes={"/livez": livez, "/readyz": readyz},
    pages={"/metrics": metrics_page(pools["metrics"])},
    early={"uploads"},
)
metrics.counted(lambda: http_families(http.tally, pools))
application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": URLRouter(sockets),
    }
)


clock = jobs.Clock()


async def _start() -> None:
    await runtime.current()
    if not settings.USE_CELERY:
        clock.start()


async def _drain() -> None:
    await (await runtime.current()).drain(settings.DRAIN_SECONDS)


async def _stop() -> None:
    clock.stop()
    await (await runtime.current()).stop()
    http.close(1.0)
    jobs.stop_threads()


lifecycle.on_start.append(_start)
lifecycle.on_drain.append(_drain)
lifecycle.on_stop.append(_stop)
