"""What people hear of loans that they asked for, and the desk of theirs. Amounts are strings with two places."""

from dataclasses import dataclass

from backend.notifications.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanApplied(Notice):
    """Somebody has asked for a loan; it waits to be decided. For the desk."""

    kind = "loan.applied"
    application_id: str
    bank_id: str
    amount: str
    currency: str
    months: int

    def in_words(self) -> tuple[str, str]:
        return "A loan was asked for", f"{self.amount} {self.currency} for {self.months} months."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanApplicationDecided(Notice):
    """An application does not wait any more: `status` is approved, rejected or withdrawn. For the desk."""

    kind = "loan.application_decided"
    application_id: str
    bank_id: str
    status: str

    def in_words(self) -> tuple[str, str]:
        return "A loan application is decided", f"It was {self.status}."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanRepaid(Notice):
    """Money came out of the account towards a loan: one instalment, a part before its day, or all of it.

    `repayment` says which; `is_automatic`: it was collected on its day.
    """

    kind = "loan.repaid"
    loan_id: str
    account_id: str
    repayment: str
    is_automatic: bool
    amount: str
    interest: str
    outstanding: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        words = f"{self.amount} {self.currency} was paid; {self.outstanding} of the loan is left."
        return "Your loan payment has arrived", words


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalmentDue(Notice):
    """In a few days an instalment is collected."""

    kind = "instalment.due"
    is_sent_out = True
    loan_id: str
    account_id: str
    amount: str
    currency: str
    due_on: str

    def in_words(self) -> tuple[str, str]:
        return "An instalment is due soon", f"{self.amount} {self.currency} is collected on {self.due_on}."


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalmentMissed(Notice):
    """An instalment could not be collected. It is tried again; from `late_on` on it is late."""

    kind = "instalment.missed"
    priority = "HIGH"
    is_sent_out = True
    loan_id: str
    account_id: str
    amount: str
    currency: str
    due_on: str
    late_on: str

    def in_words(self) -> tuple[str, str]:
        words = (
            f"The {self.amount} {self.currency} that were due on {self.due_on} could not be taken from your account. "
            f"Put the money there before {self.late_on}."
        )
        return "An instalment could not be collected", words


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalmentLate(Notice):
    """An instalment is overdue, and the days of grace are over. For the person and for the desk."""

    kind = "instalment.late"
    priority = "HIGH"
    is_sent_out = True
    loan_id: str
    account_id: str
    bank_id: str
    amount: str
    currency: str
    due_on: str
    days_late: int

    def in_words(self) -> tuple[str, str]:
        words = f"{self.amount} {self.currency} has been due since {self.due_on}, {self.days_late} days ago."
        return "An instalment is late", f"{words} Please pay it, or talk to us."
