"""What people hear of their money. Amounts are strings with two places; names of other people are never in here."""

from dataclasses import dataclass

from backend.notifications.notice import Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanDecided(Notice):
    """A loan that was asked for will not be given, or will be: `state` is what it has become."""

    kind = "loan.decided"
    loan_id: str
    account_id: str
    state: str
    amount: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        return "Your loan was decided", f"The loan of {self.amount} {self.currency} is {self.state.replace('_', ' ')}."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanActivated(Notice):
    kind = "loan.activated"
    loan_id: str
    account_id: str
    amount: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        return "Your loan is active", f"The loan of {self.amount} {self.currency} counts from today on."


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanPaid(Notice):
    """Nothing of the loan is owed any more."""

    kind = "loan.paid"
    loan_id: str
    account_id: str
    amount: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        return "Your loan is paid back", f"Nothing of the loan of {self.amount} {self.currency} is owed any more."


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentCompleted(Notice):
    kind = "payment.completed"
    payment_id: str
    account_id: str
    amount: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        return "Your payment has arrived", f"{self.amount} {self.currency} went to your loans."


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRejected(Notice):
    """It was more than what is owed. Nothing was taken."""

    kind = "payment.rejected"
    payment_id: str
    account_id: str
    amount: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        return "A payment was not taken", f"{self.amount} {self.currency} is more than what you owe. Nothing was taken."


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSwitchedOff(Notice):
    """Nothing goes to this address any more: it says that it is gone, or failed for days."""

    kind = "webhook.disabled"
    priority = "HIGH"
    is_sent_out = True
    webhook_id: str
    bank_id: str
    url: str
    reason: str

    def in_words(self) -> tuple[str, str]:
        why = "it answered that it is gone" if self.reason == "gone" else "it has failed for days"
        return "A webhook was switched off", f"Nothing goes to {self.url} any more, since {why}."


@dataclass(frozen=True, slots=True, kw_only=True)
class BankShared(Notice):
    """Somebody was made a further manager of a bank."""

    kind = "bank.shared"
    bank_id: str
    bank: str
    shared_by: int

    def in_words(self) -> tuple[str, str]:
        return "A bank is yours to manage, too", f"You can now see and do at {self.bank} what its first manager can."


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerJoined(Notice):
    """The manager of a bank made one of its customers the person's: the accounts there are theirs now."""

    kind = "customer.joined"
    priority = "HIGH"
    customer_id: str
    banks: list[str]

    def in_words(self) -> tuple[str, str]:
        return "Your accounts are here", f"What you have at {', '.join(self.banks)} now shows in your app."


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerParted(Notice):
    """A joining was undone: it was a mistake of the bank's."""

    kind = "customer.parted"
    priority = "HIGH"
    customer_id: str
    banks: list[str]

    def in_words(self) -> tuple[str, str]:
        return "Accounts were taken off your app", f"{', '.join(self.banks)} had joined them to you by mistake."


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBroken(Notice):
    """Verifying the books found something that does not add up: which check, of what, and in words."""

    kind = "ledger.broken"
    notification_type = "SECURITY_ALERT"
    priority = "URGENT"
    event_id: int
    finding: str
    subject: str
    words: str

    def in_words(self) -> tuple[str, str]:
        return "The books do not prove out", f"{self.subject.capitalize()}: {self.words}."
