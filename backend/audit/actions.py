"""The vocabulary: dotted actions, S2's words for them, and words for people."""

import re

CREATE, UPDATE, DELETE = "CREATE", "UPDATE", "DELETE"

# Where S2 has a word of its own (S2-M5).
_TYPES = {
    "session.opened": "LOGIN",
    "session.revoked": "LOGOUT",
    "user.password_changed": "PASSWORD_CHANGE",
    "user.password_reset": "PASSWORD_CHANGE",
    "role.assigned": "ROLE_ASSIGN",
    "role.withdrawn": "ROLE_ASSIGN",
    "kyc.approved": "KYC_APPROVE",
    "kyc.rejected": "KYC_REJECT",
    "kyc.document_uploaded": "DOCUMENT_UPLOAD",
    "account.locked": "ACCOUNT_LOCK",
    "account.unlocked": "ACCOUNT_UNLOCK",
}
_CREATING = {
    "created",
    "registered",
    "written",
    "opened",
    "uploaded",
    "submitted",
    "posted",
    "issued",
    "requested",
    "imported",
    "added",
}
_DELETING = {"deleted", "removed", "erased", "purged"}
_READING = {"viewed", "exported", "downloaded", "used", "listed"}


def action_type_of(action: str) -> str:
    """Return S2's word for an action; empty for reading and using, for which S2 has none."""
    if action in _TYPES:
        return _TYPES[action]
    verb = action.rpartition(".")[2].rpartition("_")[2]  # `kyc.document_viewed` is a viewing.
    if verb in _READING:
        return ""
    if verb in _CREATING:
        return CREATE
    return DELETE if verb in _DELETING else UPDATE


def describe(action: str, target_type: str, target_id: str, fields: object = None) -> str:
    """Say in words what happened: `User changed: user 7 (first_name)`."""
    said = re.sub(r"[._]+", " ", action).capitalize()
    model = target_type.rpartition(".")[2]
    named = f"{said}: {model} {target_id}" if model else said
    return f"{named} ({', '.join(map(str, fields))})" if isinstance(fields, list) and fields else named
