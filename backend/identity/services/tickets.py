"""Single-use tickets for opening a WebSocket, which keep access tokens out of addresses and logs."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from backend.common.principal import Principal
from backend.identity import principals
from backend.identity.errors import TokenRefused
from backend.identity.models import SocketTicket

GOOD_FOR = timedelta(seconds=30)


def issue_ticket(*, actor: Principal) -> str:
    """Store a ticket for the caller's session and return it. It opens one socket, within 30 s."""
    ticket = secrets.token_urlsafe(32)
    now = datetime.now(UTC)
    SocketTicket.objects.create(
        hash=_hash(ticket),
        session_id=actor.sid,
        token_expires_at=actor.expires_at or now + timedelta(hours=1),
        expires_at=now + GOOD_FOR,
    )
    return ticket


def spend_ticket(ticket: str) -> Principal:
    """Return whose ticket it is; it cannot be spent again, nor by two sockets at once. Raises: TokenRefused."""
    found = SocketTicket.objects.filter(hash=_hash(ticket)).select_related("session").first()
    spent, _ = SocketTicket.objects.filter(hash=_hash(ticket)).delete()
    if found is None or not spent or found.expires_at <= datetime.now(UTC):
        raise TokenRefused
    return principals.principal_of_session(str(found.session_id), found.session.user_id, found.token_expires_at)


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode("utf-8", "replace")).hexdigest()
