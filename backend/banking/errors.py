"""What the banking doors refuse. A contract route that documents 400 names the field (`InvalidField`)."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


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


class AccountUnknown(NotFound):
    code = "account.unknown"
    detail = "There is no such account."


class LoanUnknown(NotFound):
    code = "loan.unknown"
    detail = "There is no such loan."


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


class HasPostings(Conflict):
    """What money history refers to stays for ever (design.md section 5)."""

    code = "has_postings"
    detail = "Its money history stays, so it cannot be deleted."


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
