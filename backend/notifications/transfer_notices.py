"""What people hear of their accounts and transfers. Names of other people are never in here."""

from dataclasses import dataclass

from backend.notifications.notice import Notice

# Accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened(Notice):
    kind = "account.opened"
    account_id: str
    account_number: str
    bank: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        return "Your account is open", f"{self.account_number} at {self.bank}, in {self.currency}."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFrozen(Notice):
    """The account neither sends nor takes money until its bank says otherwise."""

    kind = "account.frozen"
    priority = "HIGH"
    is_sent_out = True
    is_essential = True
    account_id: str
    account_number: str
    reason: str

    def in_words(self) -> tuple[str, str]:
        return "Your account is frozen", f"{self.account_number} can not be used for now. {self.reason}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUnfrozen(Notice):
    kind = "account.unfrozen"
    priority = "HIGH"
    is_sent_out = True
    account_id: str
    account_number: str

    def in_words(self) -> tuple[str, str]:
        return "Your account can be used again", f"{self.account_number} is not frozen any more."


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountClosed(Notice):
    kind = "account.closed"
    priority = "HIGH"
    is_sent_out = True
    is_essential = True
    account_id: str
    account_number: str
    reason: str

    def in_words(self) -> tuple[str, str]:
        return "Your account is closed", f"{self.account_number} is closed for good. {self.reason}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMoved(Notice):
    """Money came or went by a posting that has no notice of its own: cash, an opening balance, a correction.

    `amount` is below zero for what went; `balance` is what is there now.
    """

    kind = "account.moved"
    account_id: str
    account_number: str
    posting_id: int
    what: str
    amount: str
    currency: str
    balance: str

    def in_words(self) -> tuple[str, str]:
        title = self.what.replace("_", " ").capitalize()
        return title, f"{self.amount} {self.currency} on {self.account_number}. Now there are {self.balance}."


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementReady(Notice):
    """A month is over, and its statement will not change any more."""

    kind = "statement.ready"
    account_id: str
    account_number: str
    month: str

    def in_words(self) -> tuple[str, str]:
        return "Your statement is ready", f"{self.month} of {self.account_number} can be fetched in the app."


# Transfers. `direction` is how the money goes for whoever reads it: out, in, or own (between their accounts).

_POSTED = {"out": "You sent {}.", "in": "You received {}.", "own": "You moved {} between your accounts."}
_HELD = {"out": "Your transfer of {}", "in": "A transfer of {} to you", "own": "Your transfer of {}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPosted(Notice):
    kind = "transfer.posted"
    transfer_id: str
    account_id: str
    direction: str
    amount: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        title = "Money has arrived" if self.direction == "in" else "Your transfer is done"
        return title, _POSTED[self.direction].format(f"{self.amount} {self.currency}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferHeld(Notice):
    """It is being checked, and why is not told."""

    kind = "transfer.held"
    transfer_id: str
    account_id: str
    direction: str
    amount: str
    currency: str

    def in_words(self) -> tuple[str, str]:
        what = _HELD[self.direction].format(f"{self.amount} {self.currency}")
        return "A transfer is being checked", f"{what} is being checked. You need not do anything."


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferVoided(Notice):
    """A held transfer was not carried out: rejected, or nobody decided in time. The money is where it was."""

    kind = "transfer.voided"
    priority = "HIGH"
    is_sent_out = True
    transfer_id: str
    account_id: str
    direction: str
    amount: str
    currency: str
    reason: str

    def in_words(self) -> tuple[str, str]:
        what = _HELD[self.direction].format(f"{self.amount} {self.currency}")
        return "A transfer was not carried out", f"{what} was not carried out. Nothing was taken."


_FAILURES = {
    "funds.insufficient": "There was not enough money on the account.",
    "account.frozen": "The account is frozen.",
    "account.closed": "The account is closed.",
    "payee.unavailable": "The payee's account takes no money at the moment.",
    "limit.day": "It was more than may be sent in a day.",
    "limit.transfer": "It was more than may be sent at once.",
    "kyc_required": "Your identity has to be verified again first.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFailed(Notice):
    """A planned transfer could not be made; it is tried again on the same day, or not."""

    kind = "schedule.failed"
    priority = "HIGH"
    is_sent_out = True
    schedule_id: str
    account_id: str
    amount: str
    currency: str
    due_on: str
    code: str
    will_retry: bool

    def in_words(self) -> tuple[str, str]:
        why = _FAILURES.get(self.code, "")
        then = "It is tried again today." if self.will_retry else "It is not tried again."
        words = f"{self.amount} {self.currency}, planned for {self.due_on}, could not be sent. {why} {then}"
        return "A planned transfer failed", words.replace("  ", " ")
