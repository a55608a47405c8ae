"""Any operations in any order: the database says what the rules say, after each, and what is refused changes nothing.

The rules stand a second time in books.py, without a database. Each run has another seed, which it prints; `SEED=…`
repeats one. `make soak` does many more operations.
"""

import json
import os
import secrets
import sys
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from backend.banking import ledger, verification
from backend.banking.ledger import Line
from backend.banking.models import Account, Door, Hold, HoldState, InternalKind, Loan, LoanState, PostingKind
from backend.banking.services import loans, payments
from backend.banking.services.postings import reverse_posting
from backend.banking.tests.books import AccountBook, Books
from backend.banking.tests.factories import make_account, make_bank, move, transfer
from backend.common.errors import DomainError
from backend.common.idempotency import idempotent
from backend.common.unit_of_work import unit_of_work

EXAMPLES, STEPS = 40, 60
SOAK = int(os.environ.get("SOAK", "1"))
SEED = int(os.environ.get("SEED", "0")) or secrets.randbelow(10**9) + 1
CENT = Decimal("0.01")
LINES = (None, Decimal(300), Decimal(1000))

ACCOUNTS = st.integers(0, len(LINES) - 1)
AMOUNTS = st.one_of(st.integers(-1, 100), st.integers(1, 60_000)).map(
    lambda cents: (Decimal(cents) / 100).quantize(CENT)
)
ANY = st.integers(0, 10**6)
# Often what is left to the cent, or a cent more.
EDGES = st.sampled_from([None, None, Decimal("0.00"), CENT])

# What the database says of a bank, and whether it agrees with itself, in one round trip.
STATE = """
SELECT json_build_object(
    'accounts', (SELECT json_agg(json_build_array(balance::text, held::text, status) ORDER BY created_at)
        FROM banking_account WHERE bank_id = %(bank)s),
    'holds', (SELECT coalesce(json_agg(json_build_array(h.amount::text, h.state) ORDER BY h.created_at), '[]')
        FROM banking_hold h JOIN banking_account a USING (account_id) WHERE a.bank_id = %(bank)s),
    'loans', (SELECT coalesce(json_agg(json_build_array(outstanding::text, state) ORDER BY created_at), '[]')
        FROM banking_loan WHERE bank_id = %(bank)s),
    'postings', (SELECT coalesce(json_agg(kind ORDER BY id), '[]') FROM banking_posting WHERE bank_id = %(bank)s),
    'payments', (SELECT count(*) FROM banking_payment WHERE bank_id = %(bank)s),
    'entries sum to', (SELECT coalesce(sum(amount), 0)::text FROM banking_entry WHERE bank_id = %(bank)s),
    'balances off', (SELECT count(*) FROM banking_account a WHERE a.bank_id = %(bank)s AND a.balance <>
        (SELECT coalesce(sum(amount), 0) FROM banking_entry e WHERE e.account_id = a.account_id)),
    'told', (SELECT count(*) FROM audit_log))
"""


class Machine(RuleBasedStateMachine):
    """Three accounts of one bank: without a line, with a small one, with a big one."""

    operations = 0

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction._from_testcase = True  # type: ignore[attr-defined] # units of work are outermost in it
        self.transaction.__enter__()
        bank = make_bank()
        self.accounts = [make_account(bank, credit_line=line) for line in LINES]
        self.books = Books([AccountBook(line) for line in LINES])
        self.bank_id = bank.pk
        self.loans: list[Any] = []
        self.holds: list[Any] = []
        self.postings: list[int] = []
        self.keyed: list[tuple[int, Decimal]] = []
        self.before = self.stored()
        for account in range(len(LINES)):
            self.move(account, Decimal("200.00"))
            self.lend(account, Decimal("50.00"), None, Door.PARTNER if account else Door.MANAGER)
            self.step(account, "activate")

    def teardown(self) -> None:
        try:
            assert verification.prove().findings == []
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def stored(self) -> dict[str, Any]:
        with connection.cursor() as cursor:
            # As a commit would: what is deferred is checked.
            cursor.execute(
                "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; " + STATE, {"bank": self.bank_id}
            )
            found = cursor.fetchone()[0]
        return found if isinstance(found, dict) else json.loads(found)

    def check(self, due: str | None, operation: Any) -> Any:
        """Do an operation of which the rules have said what is due; compare everything."""
        Machine.operations += 1
        made, code = None, None
        try:
            made = operation()
        except DomainError as refusal:
            code = refusal.code
        now = self.stored()
        assert code == due
        if code is not None:
            assert now == self.before
        assert (now["entries sum to"] in {"0", "0.00"}, now["balances off"]) == (True, 0)
        assert now["accounts"] == [[str(one.balance), str(one.held), one.status] for one in self.books.accounts]
        assert all(0 <= one.held <= one.balance for one in self.books.accounts)
        assert now["holds"] == [[str(one.amount), one.state] for one in self.books.holds]
        assert now["loans"] == [[str(one.outstanding), one.state] for one in self.books.loans]
        assert now["postings"] == [one.kind for one in self.books.postings]
        assert now["payments"] == self.books.payments
        self.before = now
        return made

    def posted(self, due: str | None, operation: Any) -> None:
        made = self.check(due, operation)
        if made is not None:
            self.postings.append(made.pk)

    def available(self, account: int) -> Decimal:
        return self.books.accounts[account].balance - self.books.accounts[account].held

    # Money

    @rule(account=ACCOUNTS, amount=AMOUNTS.filter(lambda amount: amount > 0))
    def deposit(self, account: int, amount: Decimal) -> None:
        self.move(account, amount)

    @rule(account=ACCOUNTS, amount=AMOUNTS.filter(lambda amount: amount > 0), edge=EDGES)
    def withdraw(self, account: int, amount: Decimal, edge: Decimal | None) -> None:
        self.move(account, -(amount if edge is None else self.available(account) + edge or CENT))

    def move(self, account: int, amount: Decimal) -> None:
        kind = PostingKind.DEPOSIT if amount > 0 else PostingKind.WITHDRAWAL
        due = self.books.post(kind.value, {account: amount})
        self.posted(due, lambda: move(self.accounts[account], amount, kind=kind))

    @rule(account=ACCOUNTS, step=st.integers(1, 2), amount=AMOUNTS.filter(lambda amount: amount > 0))
    def transfer(self, account: int, step: int, amount: Decimal) -> None:
        target = (account + step) % len(LINES)
        due = self.books.post("transfer", {account: -amount, target: amount})
        self.posted(due, lambda: transfer(self.accounts[account], self.accounts[target], amount))

    @rule(account=ACCOUNTS, amount=AMOUNTS, edge=EDGES)
    def hold(self, account: int, amount: Decimal, edge: Decimal | None) -> None:
        amount = amount if edge is None else self.available(account) + edge

        def operate() -> Hold:
            with unit_of_work():
                (locked,) = ledger.lock_accounts(self.accounts[account].pk)
                return ledger.hold(account=locked, amount=amount, reason="a check", expires_at=None)

        made = self.check(self.books.hold(account, amount), operate)
        if made is not None:
            self.holds.append(made.pk)

    @precondition(lambda self: self.holds)
    @rule(pick=ANY, state=st.sampled_from([HoldState.CAPTURED, HoldState.VOIDED, HoldState.EXPIRED]))
    def decide_hold(self, pick: int, state: HoldState) -> None:
        number = pick % len(self.holds)

        def operate() -> Any:
            with unit_of_work():
                hold = Hold.objects.get(pk=self.holds[number])
                (hold.account,) = (locked,) = ledger.lock_accounts(hold.account_id)
                if state != HoldState.CAPTURED:
                    return ledger.void(hold=hold, state=state)
                lines = [
                    Line(-hold.amount, account=locked),
                    Line(hold.amount, internal=(self.bank_id, InternalKind.CASH)),
                ]
                kind = PostingKind.WITHDRAWAL
                return ledger.capture(hold=hold, bank=locked.bank, kind=kind, lines=lines, actor_id=None)

        self.posted(self.books.decide(number, state.value), operate)

    @precondition(lambda self: self.postings)
    @rule(pick=ANY)
    def reverse(self, pick: int) -> None:
        number = pick % len(self.postings)
        due = self.books.reverse(number)
        self.posted(due, lambda: reverse_posting(actor_id=None, posting_id=self.postings[number], reason="a slip"))

    # Loans

    @rule(account=ACCOUNTS, amount=AMOUNTS, edge=EDGES, door=st.sampled_from([Door.PARTNER, Door.MANAGER]))
    def lend(self, account: int, amount: Decimal, edge: Decimal | None, door: Door) -> None:
        left = (self.books.accounts[account].line or Decimal(0)) - self.books.debt(account, "pending", "active")
        amount = amount if edge is None else left + edge
        pk = self.accounts[account].pk
        made = self.check(
            self.books.lend(account, amount, door.value),
            lambda: loans.create_loan(actor_id=None, account_id=pk, amount=amount, door=door),
        )
        if made is not None:
            self.loans.append(made.pk)

    @precondition(lambda self: self.loans)
    @rule(pick=ANY, step=st.sampled_from(["activate"] * 4 + ["reject", "charge_off"]))
    def step(self, pick: int, step: str) -> None:
        number = pick % len(self.loans)
        due = getattr(self.books, step)(number)
        self.check(due, lambda: getattr(loans, f"{step}_loan")(actor_id=None, loan_id=self.loans[number]))
        self.remember_posting()

    @precondition(lambda self: self.loans)
    @rule(account=ACCOUNTS, amount=AMOUNTS, edge=EDGES, from_balance=st.booleans())
    def pay(self, account: int, amount: Decimal, edge: Decimal | None, from_balance: bool) -> None:
        amount = amount if edge is None else self.books.debt(account, "active") + edge
        pk = self.accounts[account].pk
        self.check(
            self.books.pay(account, amount, from_balance=from_balance),
            lambda: payments.pay(actor_id=None, account_id=pk, total_amount=amount, from_balance=from_balance),
        )
        self.remember_posting()

    @rule(account=ACCOUNTS, amount=AMOUNTS, edge=EDGES, pick=ANY, repeats=st.booleans())
    def pay_by_key(self, account: int, amount: Decimal, edge: Decimal | None, pick: int, repeats: bool) -> None:
        """A key that was used is answered again; one whose payment was refused is not known."""
        amount = amount if edge is None else self.books.debt(account, "active") + edge
        number = pick % len(self.keyed) if repeats and self.keyed else len(self.keyed)
        is_new = number == len(self.keyed)
        account, amount = (account, amount) if is_new else self.keyed[number]
        due = self.books.pay(account, amount, from_balance=False) if is_new else None
        pk = self.accounts[account].pk

        def work() -> tuple[int, Any]:
            made = payments.pay(actor_id=None, account_id=pk, total_amount=amount)
            return 201, {"status": made.status}

        answer = self.check(
            due,
            lambda: idempotent(actor="key:test", route="POST payments/", key=str(number), request_body={}, make=work),
        )
        self.remember_posting()
        if answer is not None:
            assert answer.replayed is not is_new
            if is_new:
                self.keyed.append((account, amount))

    def remember_posting(self) -> None:
        """Loans and payments are returned, not their postings: the newest one is asked for where there is one more."""
        if len(self.books.postings) > len(self.postings):
            self.postings.append(verification.newest_posting())

    # What decides over the rest

    @rule(account=ACCOUNTS, status=st.sampled_from(["open"] * 3 + ["frozen"]))
    def freeze_or_thaw(self, account: int, status: str) -> None:
        Account.objects.filter(pk=self.accounts[account].pk).update(status=status)
        self.books.accounts[account].status = status
        self.check(None, lambda: None)

    @rule(account=st.integers(1, 2), line=st.sampled_from([Decimal(0), Decimal(300), Decimal(1000)]))
    def change_line(self, account: int, line: Decimal) -> None:
        Account.objects.filter(pk=self.accounts[account].pk).update(credit_line=line)
        self.books.accounts[account].line = line

    @precondition(lambda self: self.loans)
    @rule()
    def wait_for_nobody(self) -> None:
        """Loans that are PENDING stay so by themselves."""
        assert Loan.objects.filter(bank_id=self.bank_id, state=LoanState.PENDING).count() == sum(
            loan.state == "pending" for loan in self.books.loans
        )


@pytest.mark.django_db
def test_any_operations_in_any_order_keep_the_books() -> None:
    sys.stdout.write(f"SEED={SEED}\n")
    Machine.operations = 0

    run_state_machine_as_test(
        seed(SEED)(Machine),
        settings=settings(
            max_examples=EXAMPLES * SOAK,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if SOAK > 1 else [Phase.generate],
        ),
    )

    assert Machine.operations >= 2000 * SOAK
