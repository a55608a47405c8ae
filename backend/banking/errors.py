"""What the banking doors refuse. A contract route that documents 400 names the field (`InvalidField`)."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation, Unavailable


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


class OtherBanksMoney(Forbidden):
    """A transfer between banks: its reversal would take money from a bank that the caller does not manage."""

    code = "posting.of_other_banks"
    detail = "This moved money at another bank, too: a bank admin has to reverse it."


class NotReversible(Conflict):
    """A reversal is not reversed, and what stands in the loan book is corrected there."""

    code = "posting.not_reversible"
    detail = "This posting is not reversed by itself."


class HasPostings(Conflict):
    """What money has moved on is never deleted."""

    code = "ledger.has_postings"
    detail = "Money has moved here, so this stays. Close it instead."


class InvalidField(RuleViolation):
    """A value that a rule does not take; `field` is the one of the body that it stands in."""

    code = "invalid_field"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


# The manager door


class BankUnknown(NotFound):
    code = "bank.unknown"
    detail = "There is no such bank."


class CustomerUnknown(NotFound):
    code = "customer.unknown"
    detail = "There is no such customer."


class NotABankManager(Forbidden):
    code = "bank.not_a_manager"
    detail = "Only the managers of a bank do this. Register your bank first."


class ManagersAreFirstManagers(Forbidden):
    code = "bank.not_the_first_manager"
    detail = "Only the bank's first manager and superusers do this."


class NotAManagerHere(NotFound):
    code = "bank.manager_unknown"
    detail = "They do not manage this bank by a grant."


class BankInUse(Conflict):
    """What the bank still has is named by count."""

    code = "bank.in_use"
    detail = "A bank goes only when it has nothing any more."


class CustomerShared(Forbidden):
    """The profile is other banks' too: changing it would change their data (BUG-S0-17)."""

    code = "customer.shared"
    detail = "This customer is registered at other banks too, so their profile cannot be changed by one of them."
    is_denial = False


class CustomerJoined(Conflict):
    code = "customer.joined"
    detail = "This customer belongs to a signed-up person already."


class CustomerNotJoined(NotFound):
    code = "customer.not_joined"
    detail = "This customer belongs to no signed-up person."


class AccountsOfTheirOwn(Conflict):
    code = "customer.has_own_accounts"
    detail = "The person has opened accounts as this customer since, so they stay joined."


class OwnCustomer(Forbidden):
    code = "customer.own"
    detail = "Nobody joins a customer to themselves."


class LoanSettled(Conflict):
    """A loan that moves by itself cannot be rewritten; `state` is its present one."""

    code = "loan.settled"
    detail = "This loan cannot be changed or deleted in its present state."


class LoanOfAnotherDoor(Conflict):
    """`door` names through which one it came: who asked for a loan moves it on."""

    code = "loan.of_another_door"
    detail = "This loan came through another door and is changed there."


# The loan model


class ModelUnavailable(Unavailable):
    """The artefact is missing or broken. The log says which file and why; nothing but predicting needs it."""

    code = "model.unavailable"
    detail = "The loan model cannot be used at the moment. Everything else works."


class RunUnknown(NotFound):
    code = "scoring.unknown"
    detail = "There is no such scoring of a portfolio."


# The customer door


class KycRequired(Forbidden):
    """Money moves for people who are verified, and for nobody else (S2-B13)."""

    code = "kyc_required"
    detail = "Your identity has to be verified first: send your documents in the app."
    is_denial = False


class BankStaffOnly(Forbidden):
    """For bank admins, and for the managers of the account's bank."""

    code = "account.bank_staff_only"
    detail = "Only the staff of the bank do this."


class OwnAccount(Forbidden):
    """Staff act on others' accounts; on their own a colleague does."""

    code = "account.own"
    detail = "A colleague has to do this: the account is your own."
    is_denial = False


class ReasonMissing(RuleViolation):
    code = "reason_missing"
    detail = "Say why."


class TooManyAccounts(RuleViolation):
    code = "account.too_many"
    detail = "You have as many accounts at this bank as one may have."


class AccountNotEmpty(Conflict):
    """`reasons` say what has to be settled before the account can be closed."""

    code = "account.not_empty"
    detail = "The account cannot be closed yet."


class TransferUnknown(NotFound):
    code = "transfer.unknown"
    detail = "There is no such transfer."


class ScheduleUnknown(NotFound):
    code = "schedule.unknown"
    detail = "There is no such planned transfer."


class ScheduleOver(Conflict):
    """Nothing is left of it; `state` says how it came to its end."""

    code = "schedule.over"
    detail = "This planned transfer is over."


class TooManySchedules(RuleViolation):
    code = "schedule.too_many"
    detail = "You have as many planned transfers from this account as one may have."


class PayeeUnknown(RuleViolation):
    code = "payee.unknown"
    detail = "This bank has no account of this number."


class PayeeUnavailable(RuleViolation):
    """Frozen or closed: which of both is the holder's affair."""

    code = "payee.unavailable"
    detail = "This account takes no money at the moment."


class TransferLimitExceeded(RuleViolation):
    """`limit` is what one transfer may be."""

    code = "limit.transfer"
    detail = "This is more than may be sent at once."


class DayLimitExceeded(RuleViolation):
    """`limit` is what may leave the account in a banking day, `left` what is left of it."""

    code = "limit.day"
    detail = "This is more than may be sent today."


class StatementUnknown(NotFound):
    """Of no account of the caller's, or of a month before it was opened or that has not begun."""

    code = "statement.unknown"
    detail = "There is no such statement."


class StatementTooLong(RuleViolation):
    code = "statement.too_long"
    detail = "There is too much for a PDF in this month. Take the CSV."
