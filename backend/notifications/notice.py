"""What a notice is. The kinds are in `notices.py`, those of banking in `banking_notices.py` and
`transfer_notices.py`."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    kind: ClassVar[str]
    notification_type: ClassVar[str] = "SYSTEM_ALERT"  # S2-M8's word
    priority: ClassVar[str] = "NORMAL"
    is_sent_out: ClassVar[bool] = False  # by mail and push, when the person is not connected
    is_essential: ClassVar[bool] = False  # mailed also to who wants no mails: they must know it

    def payload(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self) -> tuple[str, str]:
        """Return a title and a sentence for people."""
        return self.kind.replace(".", " ").replace("_", " ").capitalize(), ""
