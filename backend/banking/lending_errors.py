"""What lending to people refuses."""

from backend.common.errors import Conflict, Forbidden, NotFound, RuleViolation


class ProductUnknown(NotFound):
    code = "loan_product.unknown"
    detail = "There is no such loan product."


class ApplicationUnknown(NotFound):
    code = "loan_application.unknown"
    detail = "There is no such application."


class LoanStaffOnly(Forbidden):
    """For bank admins, for the managers of the bank, and to look at for auditors."""

    code = "loan.staff_only"
    detail = "Only the staff of the bank do this."


class OwnLoan(Forbidden):
    """Staff decide about others; about themselves a colleague does."""

    code = "loan.own"
    detail = "A colleague has to do this: the loan is your own."
    is_denial = False


class VerificationNeeded(Forbidden):
    """Lent is to people who are verified, and to nobody else (S2-B13)."""

    code = "kyc_required"
    detail = "Your identity has to be verified first: send your documents in the app."
    is_denial = False


class ApplicantNotVerified(Conflict):
    code = "loan_application.not_verified"
    detail = "The person is not verified (any more), so nothing can be lent to them."


class ProductElsewhere(RuleViolation):
    code = "loan_product.elsewhere"
    detail = "This product is of another bank, or in another currency than the account."


class AmountOutOfRange(RuleViolation):
    """`least` and `most` say what the product lends."""

    code = "loan.amount_out_of_range"
    detail = "The amount is not what this product lends."


class MonthsOutOfRange(RuleViolation):
    """`least` and `most` say for how long the product lends."""

    code = "loan.months_out_of_range"
    detail = "This product lends for other times."


class TermsTooThin(RuleViolation):
    code = "loan.too_little_for_so_long"
    detail = "The amount is too small for so many instalments. Choose fewer."


class ProductUneven(RuleViolation):
    """The parts of a product contradict each other."""

    code = "loan_product.uneven"
    detail = "The smallest amount and time come before the largest, and giving a loan up comes behind the grace days."


class ApplicationWaiting(Conflict):
    """One at a time for each account."""

    code = "loan_application.waiting"
    detail = "You have asked for a loan on this account already, and it is not decided yet."


class ApplicationDecided(Conflict):
    """`status` says how."""

    code = "loan_application.decided"

    def __init__(self, *, status: str) -> None:
        super().__init__(f"This application is {status} already.", status=status)


class LoanReasonMissing(RuleViolation):
    code = "reason_missing"
    detail = "Say why."


class InstalmentPaid(Conflict):
    code = "instalment.paid"
    detail = "This instalment is paid already."


class InstalmentNotNext(Conflict):
    """Instalments are paid in order; `next` is the one whose turn it is."""

    code = "instalment.not_next"
    detail = "An earlier instalment comes first, or there is none of this number."


class InstalmentTooEarly(Conflict):
    """`period_from` is when its period begins. To save interest, repay early instead."""

    code = "instalment.too_early"
    detail = "An instalment can be paid from the day on which its period begins."


class InstalmentsDue(Conflict):
    """`next` is the oldest one that is due."""

    code = "instalment.due"
    detail = "Pay the instalments that are due first."


class RepaymentTooSmall(RuleViolation):
    """`accrued` is the interest up to the day, which comes first."""

    code = "repayment.too_small"
    detail = "This does not pay for more than the interest up to today."


class RepaymentTooMuch(RuleViolation):
    """`payoff` is all that is owed today."""

    code = "repayment.too_much"
    detail = "This is all that is owed, or more. Pay the whole loan off instead."


class LeavesTooLittle(RuleViolation):
    code = "repayment.leaves_too_little"
    detail = "Too little would be left for the instalments. Choose the shorter term, or pay the whole loan off."


class PayoffChanged(Conflict):
    """Another amount was expected; `payoff` is what is owed today."""

    code = "repayment.payoff_changed"
    detail = "What is owed today is another amount."


class NotYetGivenUp(Conflict):
    """`possible_on` is from when on it may be; null while nothing is overdue."""

    code = "loan.not_yet_given_up"
    detail = "A loan may be given up when its oldest instalment is overdue for as long as its terms say."


class RepaymentStays(Conflict):
    """Its interest and its schedule went on from it."""

    code = "repayment.stays"
    detail = "A repayment of a person's loan is not reversed."
