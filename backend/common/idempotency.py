"""One effect for one `Idempotency-Key`, however often the request arrives (design.md section 5).

Invariants:

1. The work, its saved answer and its events are one transaction: either all of it is there, and a repeat gets the
   saved answer, or nothing is, and a repeat does the work.
2. Two requests with one key never work at the same time: an advisory lock, held until commit, lets one through. The
   other hears so at once (409, with when to come back) instead of waiting in a thread.
3. A key names one request of one actor on one route. Another body under it is refused. Refusals are not saved: they
   changed nothing, and the same request may be allowed later.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from backend.common import hooks
from backend.common.errors import KeyReused, StillRunning
from backend.common.models import SavedAnswer
from backend.common.rendering import dumps
from backend.common.unit_of_work import unit_of_work

REFUSED_FROM = 400
FORGOTTEN_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON text (nothing for no body), the same bytes for the first answer and each repeat."""

    status: int
    body: bytes
    replayed: bool


def idempotent(
    *, actor: str, route: str, key: str, request_body: bytes | Mapping[str, Any], make: Callable[[], tuple[int, Any]]
) -> Answer:
    """Return what `make` answers (status and body), once for each key; a repeat returns the saved answer.

    `make` runs the service and renders its result inside this unit of work; a refusal leaves it as an exception.
    Raises: StillRunning (the same key is being worked on), KeyReused, whatever `make` raises.
    Locks: the key, before anything else.
    """
    digest = digest_of(request_body)
    with unit_of_work():
        _lock(actor, route, key)
        saved = SavedAnswer.objects.filter(actor=actor, route=route, key=key).first()
        if saved is not None:
            if bytes(saved.request) != digest:
                raise KeyReused
            return Answer(saved.status, saved.body.encode(), replayed=True)
        status, body = make()
        text = b"" if body is None else dumps(body)
        if status < REFUSED_FROM:
            SavedAnswer.objects.create(
                actor=actor, route=route, key=key, request=digest, status=status, body=text.decode()
            )
    return Answer(status, text, replayed=False)


def digest_of(request_body: bytes | Mapping[str, Any]) -> bytes:
    """Return a hash of what was asked for; of a mapping, however its fields were ordered or spaced."""
    if not isinstance(request_body, bytes):
        request_body = orjson.dumps(request_body, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return hashlib.sha256(request_body).digest()


def forget_before(moment: datetime) -> int:
    """Delete answers that were saved before a moment, in steps; return how many."""
    total = 0
    while True:
        oldest = SavedAnswer.objects.filter(created_at__lt=moment).order_by("created_at").values("pk")
        gone, _ = SavedAnswer.objects.filter(pk__in=oldest[:FORGOTTEN_AT_ONCE]).delete()
        total += gone
        if gone < FORGOTTEN_AT_ONCE:
            return total


def erase_answers(erasure: hooks.Erasure) -> None:
    """Delete what the person was answered."""
    SavedAnswer.objects.filter(actor=actor_of_user(erasure.user_id)).delete()


def export_answers(export: hooks.Export) -> None:
    """Add which requests the person named, and what they were answered."""
    export.add("common/saved_answers.json", _answers(export.user_id))


def actor_of_user(user_id: int) -> str:
    return f"user:{user_id}"


def actor_of_key(prefix: str) -> str:
    return f"key:{prefix}"


def _answers(user_id: int) -> Iterator[dict[str, Any]]:
    rows = SavedAnswer.objects.filter(actor=actor_of_user(user_id)).order_by("id")
    for row in rows.iterator(chunk_size=500):
        yield {"route": row.route, "key": row.key, "status": row.status, "body": row.body, "at": row.created_at}


def _lock(actor: str, route: str, key: str) -> None:
    """Take the key until the end of the transaction. A statement of its own: the next one then sees what its last
    holder committed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"idempotency\n{actor}\n{route}\n{key}"]
        )
        if not cursor.fetchone()[0]:
            raise StillRunning
