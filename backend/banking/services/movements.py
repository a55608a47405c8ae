"""What people hear of the money that moved on their accounts: a notice, and an entry in their own budget.

Transfers tell of themselves (transfers.py), since they know the other side; loans and payments have notices of their
own. Everything else is heard from the ledger here, whichever door it came through.
"""

from decimal import Decimal

from backend.banking.facts import PostingMade
from backend.banking.models import Account, Posting, PostingKind
from backend.budget.services import entries as budget
from backend.common.unit_of_work import unit_of_work
from backend.notifications import services as notifications
from backend.notifications.transfer_notices import AccountMoved

_TITLES = {
    PostingKind.OPENING: "Opening balance",
    PostingKind.DEPOSIT: "Deposit",
    PostingKind.WITHDRAWAL: "Withdrawal",
    PostingKind.LOAN_ACTIVATION: "Loan",
    PostingKind.PAYMENT: "Loan payment",
    PostingKind.INTEREST: "Interest",
    PostingKind.CHARGE_OFF: "Charge-off",
    PostingKind.REVERSAL: "Correction",
}
_TOLD_ELSEWHERE = {PostingKind.LOAN_ACTIVATION, PostingKind.PAYMENT}


def on_posting_made(made: PostingMade) -> None:
    """Tell the holders of the accounts in a posting, and book it for them (facts.posting_made).

    In the posting's unit of work, its accounts locked. Locks: the budget of the category.
    After commit: `account.moved` to each holder.
    """
    posting = made.posting
    kind = PostingKind(posting.kind)
    if kind == PostingKind.TRANSFER:
        return
    sums: dict[Account, Decimal] = {}
    for entry in made.entries:
        if entry.account is not None:
            sums[entry.account] = sums.get(entry.account, Decimal()) + entry.amount
    for account, amount in sums.items():
        if amount:
            book(posting, account, amount=amount, title=_TITLES[kind])
            if kind not in _TOLD_ELSEWHERE:
                _tell(posting, account, amount)


def book(posting: Posting, account: Account, *, amount: Decimal, title: str, memo: str = "") -> None:
    """Put what moved on an account into its holder's budget, unless they have switched that off for it."""
    user_id = account.customer.user_id
    if user_id is None or not account.in_budget:
        return
    budget.record_money_movement(
        user_id=user_id,
        reference=f"{posting.pk}:{account.pk}",
        is_outgoing=amount < 0,
        amount=abs(amount),
        at=posting.at,
        title=title,
        description=memo,
        is_loan_payment=posting.kind == PostingKind.PAYMENT,
        actor_id=posting.actor_id,
    )


def _tell(posting: Posting, account: Account, amount: Decimal) -> None:
    user_id = account.customer.user_id
    if user_id is None:
        return
    notice = AccountMoved(
        account_id=str(account.pk),
        account_number=account.account_number,
        posting_id=posting.pk,
        what=posting.kind,
        amount=str(amount),
        currency=account.currency,
        balance=str(account.balance),
    )
    with unit_of_work() as unit:
        notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)
