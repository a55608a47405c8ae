from backend.common.errors import Conflict, NotFound, RuleViolation


class AccountUnknown(NotFound):
    code = "account.unknown"
    detail = "There is no such account."


class LoanUnknown(NotFound):
    code = "loan.unknown"
    detail = "There is no such loan."


class PostingUnknown(NotFound):
    code = "posting.unknown"
    detail = "There is no such posting."


class InvalidAmount(RuleViolation):
    """Not above zero, of more than two places, or bigger than the books hold (BUG-S4-3)."""

    code = "amount.invalid"
    detail = "An amount is above zero and has two places."


class InsufficientFunds(RuleViolation):
    """What is available (the balance without what is held) does not cover it."""

    code = "funds.insufficient"
    detail = "There is not enough money available."


class CurrencyMismatch(RuleViolation):
    code = "currency.mismatch"
    detail = "Money moves within one currency."


class AccountFrozen(RuleViolation):
    code = "account.frozen"
    detail = "The account is frozen."


class AccountClosed(RuleViolation):
    code = "account.closed"
    detail = "The account is closed."


class CreditLineExceeded(RuleViolation):
    """The loan and the debt that is there together pass the account's line (E-S4-4). `available` says what is left."""

    code = "credit_line.exceeded"
    detail = "The amount would exceed the customer's available credit line."


class ExternalIdTaken(Conflict):
    """A partner's name for a thing is used once in a bank (E-S4-7)."""

    code = "external_id.taken"
    detail = "This external_id is already used."


class MoveRefused(Conflict):
    """A loan's state does not allow this; `state` names the present one (E-S4-14)."""

    code = "loan.state"

    def __init__(self, detail: str, *, state: str) -> None:
        super().__init__(detail, state=state)


class NotPending(MoveRefused):
    """`move` says in one word what only a pending loan may be: activated, rejected."""

    code = "loan.not_pending"

    def __init__(self, move: str, *, state: str) -> None:
        super().__init__(f"Only loans in 'pending' may be {move}; this one is '{state}'.", state=state)


class NotActive(MoveRefused):
    code = "loan.not_active"

    def __init__(self, move: str, *, state: str) -> None:
        super().__init__(f"Only loans in 'active' may be {move}; this one is '{state}'.", state=state)


class HoldNotPending(Conflict):
    """Somebody has decided the hold, or its time ran out; `state` says which."""

    code = "hold.not_pending"

    def __init__(self, *, state: str) -> None:
        super().__init__(f"This was decided before: the hold is '{state}'.", state=state)


class AlreadyReversed(Conflict):
    code = "posting.already_reversed"
    detail = "This posting was reversed before."


class NotReversible(Conflict):
    """A reversal is not reversed, and what stands in the loan book is corrected there."""

    code = "posting.not_reversible"
    detail = "This posting is not reversed by itself."


class HasPostings(Conflict):
    """What money has moved on is never deleted."""

    code = "ledger.has_postings"
    detail = "Money has moved here, so this stays. Close it instead."
