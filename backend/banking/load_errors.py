"""What loading files refuses (errors.py has what all of banking does)."""

from backend.common.errors import Conflict, NotFound, RuleViolation


class LoadUnknown(NotFound):
    code = "load.unknown"
    detail = "There is no such task."


class BookRefused(RuleViolation):
    """The file is none that could be loaded: no text, no header, other columns."""

    code = "book.refused"
    detail = "This is no file of a bank's book."


class LinesRefused(RuleViolation):
    """`--strict`: some lines are bad, so none is loaded."""

    code = "book.lines_refused"
    detail = "Some lines are bad, so nothing was loaded."


class LoadedBefore(Conflict):
    code = "load.loaded_before"
    detail = "This file was loaded before."


class LoadUnderWay(Conflict):
    """The same file is on its way into the same bank, by another process or with other options."""

    code = "load.under_way"
    detail = "This file is being loaded."


class FileChanged(Conflict):
    code = "load.file_changed"
    detail = "The file was changed while it was being read."


class Overtaken(Conflict):
    """Somebody else has gone on with this part, or ended the load: what was read since does not count."""

    code = "load.overtaken"
    detail = "Somebody else goes on with this."
