"""Rows for the pages of the admin site: each slice says in `tests/pages.py` how a row of each of its models is made."""

from importlib import import_module
from pathlib import Path

from backend.tests.stage import Stage

BACKEND = Path(__file__).resolve().parents[1]

# What no page shows: what carries others' words, secrets that are used once, and the works of other pages.
NOT_SHOWN = {
    *("realtime.Topic", "realtime.Event"),
    *("audit.AuditDetail", "audit.AuditPending", "audit.AuditCheckpoint", "audit.AuditPatrol"),
    *("identity.SocketTicket", "identity.PasswordReset", "identity.SpentStepUp", "identity.RecoveryCode"),
    *("identity.KeyGrant",),  # on the page of its key
    *("support.ReadPosition", "support.MessageVersion", "support.ChatLabel", "support.ChatWords"),
}


def makers() -> dict:
    """Model -> how to make one more row of it."""
    found = sorted(BACKEND.glob("*/tests/pages.py"))
    modules = [import_module(f"backend.{path.parts[-3]}.tests.pages") for path in found]
    return {label: make for module in modules for label, make in module.ROWS.items()}


def one_more(label: str, stage: Stage) -> None:
    makers()[label](stage)
