"""A row more of each model of audit (backend/tests/pages.py)."""

from django.db import transaction

from backend.audit import services as audit
from backend.audit.models import AuditSeal
from backend.tests.stage import Stage


def _row(stage: Stage) -> None:
    user = stage.make_user()
    with transaction.atomic():
        audit.record(actor_id=user.pk, action="user.changed", target=user)


def _seal(stage: Stage) -> None:
    last = AuditSeal.objects.order_by("-seq").first()
    seq = last.seq + 1 if last else 1
    AuditSeal.objects.create(seq=seq, row_id=seq, leaf=b"x" * 32, link=b"x" * 32, mac=b"x" * 32, key=1)


ROWS = {
    "audit.AuditLog": _row,
    "audit.AuditSeal": _seal,
    "audit.SecurityEvent": lambda stage: audit.raise_security_event(
        event_type="X", description="x", user_id=stage.make_user().pk
    ),
}
