"""Rows for the pages of the admin site: each slice says in `tests/pages.py` how a row of each of its models is made.

Those of the slices below identity are here: their own tests know no people.
"""

import uuid
from importlib import import_module
from pathlib import Path

from django.db import transaction

from backend.audit import services as audit
from backend.audit.models import AuditSeal
from backend.common.models import StoredFile
from backend.tests.stage import Stage

BACKEND = Path(__file__).resolve().parents[1]

# What no page shows: what carries others' words, secrets that are used once, and the works of other pages.
NOT_SHOWN = {
    *("realtime.Topic", "realtime.Event"),
    *("common.SavedAnswer",),  # what somebody was answered
    "banking.LedgerPatrol",  # how far it has come
    "banking.WebhookMessage",  # what partners were told; how that went is on the page of deliveries
    *("audit.AuditDetail", "audit.AuditPending", "audit.AuditCheckpoint", "audit.AuditPatrol"),
    *("identity.SocketTicket", "identity.PasswordReset", "identity.SpentStepUp", "identity.RecoveryCode"),
    *("identity.KeyGrant",),  # on the page of its key
    # People's own books, and how they want to be told.
    *("budget.Category", "budget.SubCategory", "budget.Entry", "budget.Budget", "budget.BudgetNotice"),
    *("budget.Import", "budget.ImportChunk", "budget.ImportLine"),
    *("notifications.ReadMark", "notifications.PushDevice", "notifications.Delivery"),
    "notifications.DeliveryPreference",
    # Drafts and pieces on their way, and what is on the page of its item.
    *("kyc.Upload", "kyc.UploadPiece", "kyc.Draft", "catalog.ItemTag", "catalog.ItemImage"),
    "fraud.AlertNote",  # on the page of its alert
    *("support.ReadPosition", "support.MessageVersion", "support.ChatLabel", "support.ChatWords"),
}


def _file(stage: Stage) -> None:
    StoredFile.objects.create(kind="x", path=uuid.uuid4().hex, size=1, sha256="x", wrapped_key=b"x")


def _row(stage: Stage) -> None:
    user = stage.make_user()
    with transaction.atomic():
        audit.record(actor_id=user.pk, action="user.changed", target=user)


def _seal(stage: Stage) -> None:
    last = AuditSeal.objects.order_by("-seq").first()
    seq = last.seq + 1 if last else 1
    AuditSeal.objects.create(seq=seq, row_id=seq, leaf=b"x" * 32, link=b"x" * 32, mac=b"x" * 32, key=1)


LOW = {
    "common.StoredFile": _file,
    "audit.AuditLog": _row,
    "audit.AuditSeal": _seal,
    "audit.SecurityEvent": lambda stage: audit.raise_security_event(
        event_type="X", description="x", user_id=stage.make_user().pk
    ),
}


def makers() -> dict:
    """Model -> how to make one more row of it."""
    found = sorted(BACKEND.glob("*/tests/pages.py"))
    modules = [import_module(f"backend.{path.parts[-3]}.tests.pages") for path in found]
    return LOW | {label: make for module in modules for label, make in module.ROWS.items()}


def one_more(label: str, stage: Stage) -> None:
    makers()[label](stage)
