"""Writing the trail. What records writes in the caller's transaction: no write without its row, no row without it."""

from backend.audit.services.events import note_denial, raise_security_event, resolve_security_event
from backend.audit.services.recording import record

__all__ = ["note_denial", "raise_security_event", "record", "resolve_security_event"]
