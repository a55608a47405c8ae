"""Cash over the counter: the staff of a bank pays it into a customer's account, and out of it."""

from decimal import Decimal
from uuid import UUID

from backend.audit import services as audit
from backend.banking import ledger
from backend.banking.ledger import Line
from backend.banking.models import Account, InternalKind, Posting, PostingKind
from backend.banking.selectors import people
from backend.banking.services import standing
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work


def deposit(*, actor: Principal, account_id: UUID, amount: Decimal) -> tuple[Posting, Account]:
    """Pay cash into an account; return the posting, and the account as it is then.

    Raises: BankStaffOnly, AccountUnknown, OwnAccount, KycRequired (its holder is not verified), AccountFrozen,
    AccountClosed. Locks: the holder, shared; the account. After commit: `account.moved` to the holder.
    """
    return _at_the_counter(actor, account_id, amount, PostingKind.DEPOSIT)


def withdraw(*, actor: Principal, account_id: UUID, amount: Decimal) -> tuple[Posting, Account]:
    """Pay cash out of an account. Raises: as `deposit`, and InsufficientFunds. Locks and tells: as `deposit`."""
    return _at_the_counter(actor, account_id, -amount, PostingKind.WITHDRAWAL)


def _at_the_counter(actor: Principal, account_id: UUID, change: Decimal, kind: PostingKind) -> tuple[Posting, Account]:
    change = ledger.checked_amount(abs(change)).copy_sign(change)
    with unit_of_work():
        holder = people.staffed_account(actor=actor, account_id=account_id).customer.user_id
        if holder is not None:  # Others are known to the bank in person.
            standing.keep_verified(holder)
        (account,) = ledger.lock_accounts(account_id)
        standing.require_open(account)
        posting = ledger.post(
            bank=account.bank,
            kind=kind,
            lines=[Line(change, account), Line(-change, internal=(account.bank_id, InternalKind.CASH))],
            currency=account.currency,
            actor_id=actor.id,
        )
        audit.record(
            actor_id=actor.id,
            action="account.deposited" if kind == PostingKind.DEPOSIT else "account.withdrawn",
            target=account,
            facts={"amount": str(abs(change)), "currency": account.currency, "posting": posting.pk},
            subject_id=account.customer.user_id,
        )
    return posting, account
