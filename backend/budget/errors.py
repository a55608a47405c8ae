"""What can be wrong with budgets. Where the S1 routes document 400, the API answers 400 to a rule that says no."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


class EntryUnknown(NotFound):
    code = "entry.unknown"
    detail = "There is no such entry."


class CategoryUnknown(NotFound):
    code = "category.unknown"
    detail = "There is no such category."


class BudgetUnknown(NotFound):
    code = "budget.unknown"
    detail = "There is no such budget."


class ImportUnknown(NotFound):
    code = "import.unknown"
    detail = "There is no such import."


class StaffOnly(Forbidden):
    code = "category.staff_only"
    detail = "Categories are managed by staff."


class InvalidField(RuleViolation):
    """A value fits its field's form and yet not the rest; `field` names it (E-S1-8)."""

    code = "invalid"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class CategoryInUse(RuleViolation):
    """It cannot be deleted, or changed in that way; the extra fields count what refers to it (E-S1-11)."""

    code = "category.in_use"


class ClientIdConflict(Conflict):
    code = "client_id_conflict"
    detail = "This client_id was already used for another entry."


class BudgetExists(Conflict):
    code = "budget.exists"
    detail = "There is already a budget for this category."


class ImportNotReady(Conflict):
    """The import is not in the state that this step needs; `state` says which it is in."""

    code = "import.not_ready"


class TooManyImports(Conflict):
    code = "import.too_many"
    detail = "Finish or delete an earlier import first."


class SheetRefused(RuleViolation):
    """The file is not one that can be read as a table of entries."""

    code = "import.unreadable"


class SheetTooLarge(RuleViolation):
    code = "import.too_large"
