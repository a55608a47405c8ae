"""What the books should say: the rules of ledger and loan book written down again, without a database.

Each operation returns the code of the refusal that is due, and then has changed nothing, or None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal("0.00")
REVERSIBLE = {"opening", "deposit", "withdrawal", "transfer", "payment"}


@dataclass
class AccountBook:
    line: Decimal | None
    balance: Decimal = ZERO
    held: Decimal = ZERO
    status: str = "open"


@dataclass
class LoanBook:
    account: int
    amount: Decimal
    door: str
    state: str = "pending"
    outstanding: Decimal = ZERO


@dataclass
class HoldBook:
    account: int
    amount: Decimal
    state: str = "pending"


@dataclass
class PostingBook:
    """`deltas` by account; `parts` by loan, for payments."""

    kind: str
    deltas: dict[int, Decimal]
    parts: dict[int, Decimal] = field(default_factory=dict)
    is_reversed: bool = False


@dataclass
class Books:
    accounts: list[AccountBook]
    loans: list[LoanBook] = field(default_factory=list)
    holds: list[HoldBook] = field(default_factory=list)
    postings: list[PostingBook] = field(default_factory=list)
    active: list[int] = field(default_factory=list)  # loans in the order in which payments reach them
    payments: int = 0

    # Money

    def post(self, kind: str, deltas: Mapping[int, Decimal], parts: Mapping[int, Decimal] | None = None) -> str | None:
        for number, delta in deltas.items():
            account = self.accounts[number]
            if delta < 0 and account.balance + delta < account.held:
                return "funds.insufficient"
        for number, delta in deltas.items():
            self.accounts[number].balance += delta
        self.postings.append(PostingBook(kind, dict(deltas), dict(parts or {})))
        return None

    def hold(self, number: int, amount: Decimal) -> str | None:
        account = self.accounts[number]
        if amount <= 0:
            return "amount.invalid"
        if amount > account.balance - account.held:
            return "funds.insufficient"
        account.held += amount
        self.holds.append(HoldBook(number, amount))
        return None

    def decide(self, number: int, state: str) -> str | None:
        hold = self.holds[number]
        if hold.state != "pending":
            return "hold.not_pending"
        self.accounts[hold.account].held -= hold.amount
        if state == "captured":
            self.post("withdrawal", {hold.account: -hold.amount})
        hold.state = state
        return None

    def reverse(self, number: int) -> str | None:
        posting = self.postings[number]
        if posting.kind not in REVERSIBLE:
            return "posting.not_reversible"
        if posting.is_reversed:
            return "posting.already_reversed"
        if any(self.loans[loan].state not in {"active", "paid"} for loan in posting.parts):
            return "posting.not_reversible"
        refusal = self.post("reversal", {account: -delta for account, delta in posting.deltas.items()})
        if refusal is None:
            posting.is_reversed = True
            for loan, part in posting.parts.items():
                self.loans[loan].outstanding += part
                self.loans[loan].state = "active"
        return refusal

    # Loans

    def debt(self, account: int, *states: str) -> Decimal:
        return sum((one.outstanding for one in self.loans if one.account == account and one.state in states), ZERO)

    def lend(self, number: int, amount: Decimal, door: str) -> str | None:
        account = self.accounts[number]
        if amount <= 0:
            return "amount.invalid"
        if account.status == "frozen":
            return "account.frozen"
        has_line = door == "partner" or account.line is not None
        if has_line and amount > (account.line or ZERO) - self.debt(number, "pending", "active"):
            return "credit_line.exceeded"
        self.loans.append(LoanBook(number, amount, door, outstanding=amount))
        return None

    def activate(self, number: int) -> str | None:
        loan = self.loans[number]
        if loan.state != "pending":
            return "loan.not_pending"
        if self.accounts[loan.account].status == "frozen":
            return "account.frozen"
        self.post("loan_activation", {} if loan.door == "partner" else {loan.account: loan.amount})
        loan.state = "active"
        self.active.append(number)
        return None

    def reject(self, number: int) -> str | None:
        loan = self.loans[number]
        if loan.state != "pending":
            return "loan.not_pending"
        loan.state, loan.outstanding = "rejected", ZERO
        return None

    def charge_off(self, number: int) -> str | None:
        loan = self.loans[number]
        if loan.state != "active":
            return "loan.not_active"
        self.post("charge_off", {})
        loan.state, loan.outstanding = "charged_off", ZERO
        return None

    def pay(self, number: int, amount: Decimal, *, from_balance: bool) -> str | None:
        account = self.accounts[number]
        if amount <= 0:
            return "amount.invalid"
        if from_balance and account.status == "frozen":
            return "account.frozen"
        if amount > self.debt(number, "active"):
            self.payments += 1
            return None
        parts, left = {}, amount
        for loan in (one for one in self.active if self.loans[one].account == number):
            part = min(self.loans[loan].outstanding, left) if self.loans[loan].state == "active" else ZERO
            if part:
                parts[loan] = part
                left -= part
        refusal = self.post("payment", {number: -amount} if from_balance else {}, parts)
        if refusal is None:
            self.payments += 1
            for loan, part in parts.items():
                self.loans[loan].outstanding -= part
                self.loans[loan].state = "active" if self.loans[loan].outstanding else "paid"
        return refusal
