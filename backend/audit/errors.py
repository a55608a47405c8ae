"""What can be refused about the trail itself."""

from backend.common.errors import Conflict


class ArchiveRefused(Conflict):
    """What would be archived does not prove out, or cannot be taken just now. Nothing was moved."""

    code = "audit.archive_refused"
