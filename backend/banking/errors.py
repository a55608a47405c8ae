"""What the banking doors refuse. A contract route that documents 400 names the field (`InvalidField`)."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation, Unavailable


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


# The loan model


class ModelUnavailable(Unavailable):
    """The artefact is missing or broken. The log says which file and why; nothing but predicting needs it."""

    code = "model.unavailable"
    detail = "The loan model cannot be used at the moment. Everything else works."


class RunUnknown(NotFound):
    code = "scoring.unknown"
    detail = "There is no such scoring of a portfolio."
