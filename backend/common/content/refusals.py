"""Why a file is not taken."""

from backend.common.errors import RuleViolation


class ContentRefused(RuleViolation):
    """The file is not what may be sent here. `reason` is a word for programs; `detail` says it to people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.code = f"content.{reason}"


def damaged(kind: str) -> ContentRefused:
    return ContentRefused("damaged", f"This {kind} is damaged or not complete.")
