"""Freezing, unfreezing and closing accounts (S2-B35). Each is audited with its reason and told to the holder.

A frozen account neither sends nor takes money, over any door; what was on its way when it was frozen is decided by
whoever got the account's row first.
"""

from uuid import UUID

from backend.audit import services as audit
from backend.banking import ledger, tasks
from backend.banking.errors import AccountClosed, AccountNotEmpty, ReasonMissing
from backend.banking.models import Account, AccountStatus, Loan, LoanState
from backend.banking.selectors import people
from backend.banking.services import standing
from backend.common import jobs
from backend.common.principal import Principal
from backend.common.unit_of_work import UnitOfWork, unit_of_work
from backend.notifications import services as notifications
from backend.notifications.notice import Notice
from backend.notifications.transfer_notices import AccountClosed as ToldClosed
from backend.notifications.transfer_notices import AccountFrozen as ToldFrozen
from backend.notifications.transfer_notices import AccountUnfrozen as ToldUnfrozen

Status = AccountStatus


def freeze_account(*, actor: Principal, account_id: UUID, reason: str) -> Account:
    """Freeze an account, with a reason that its holder is told, and return it. Repeating changes nothing.

    Raises: BankStaffOnly, AccountUnknown, OwnAccount, ReasonMissing, AccountClosed. Locks: the account.
    After commit: `account.frozen` to the holder.
    """
    return _by_staff(actor, account_id, Status.FROZEN, reason)


def unfreeze_account(*, actor: Principal, account_id: UUID, reason: str) -> Account:
    """Make a frozen account usable again. Repeating, raises and locks: as `freeze_account`.

    After commit: `account.unfrozen` to the holder.
    """
    return _by_staff(actor, account_id, Status.OPEN, reason)


def close_account(*, actor: Principal, account_id: UUID, reason: str) -> Account:
    """Close an account for good, and return it: its holder an empty one of their own, staff anybody else's with a
    reason. Repeating changes nothing.

    Raises: AccountUnknown (also for whoever is neither), ReasonMissing, AccountNotEmpty with what is left to settle,
    AccountFrozen (to its holder). Locks: the account.
    After commit: `account.closed` to the holder; what was planned from it is stopped.
    """
    is_own = Account.objects.filter(pk=account_id, customer__user=actor.id).exists()
    if not is_own:
        people.staffed_account(actor=actor, account_id=account_id, is_hidden=True)
        _require(reason)
    with unit_of_work() as unit:
        (account,) = ledger.lock_accounts(account_id)
        if account.status == Status.CLOSED:
            return account
        if is_own:
            standing.require_open(account)  # What was frozen is not the holder's to close.
        left = _left_on(account)
        if left:
            raise AccountNotEmpty(reasons=left)
        set_status(unit, actor, account, Status.CLOSED, reason)
        jobs.enqueue(tasks.stop_schedules, account_id=str(account.pk))
    return account


def set_status(unit: UnitOfWork, actor: Principal, account: Account, status: AccountStatus, reason: str) -> None:
    """Change a locked account's status, record it, and tell its holder: whichever door the change came through.

    Who may, and whether the account can, the caller has asked. In the caller's unit of work.
    """
    action = {Status.FROZEN: "account.frozen", Status.OPEN: "account.unfrozen", Status.CLOSED: "account.closed"}[status]
    account.status = status
    account.status_reason = "" if status == Status.OPEN else reason.strip()
    account.save(update_fields=["status", "status_reason", "updated_at"])
    audit.record(
        actor_id=actor.id,
        action=action,
        target=account,
        facts={"bank": str(account.bank_id)},
        new={"reason": reason.strip()} if account.customer.user_id and reason.strip() else None,
        subject_id=account.customer.user_id,
    )
    _tell_status(unit, account)


def _by_staff(actor: Principal, account_id: UUID, status: AccountStatus, reason: str) -> Account:
    people.staffed_account(actor=actor, account_id=account_id)
    _require(reason)
    with unit_of_work() as unit:
        (account,) = ledger.lock_accounts(account_id)
        if account.status == Status.CLOSED:
            raise AccountClosed
        if account.status != status:
            set_status(unit, actor, account, status, reason)
    return account


def _require(reason: str) -> None:
    if not reason.strip():
        raise ReasonMissing


def _tell_status(unit: UnitOfWork, account: Account) -> None:
    """Tell an account's holder what has become of it."""
    user_id = account.customer.user_id
    if user_id is None:
        return
    named = {"account_id": str(account.pk), "account_number": account.account_number}
    notice: Notice
    if account.status == Status.OPEN:
        notice = ToldUnfrozen(**named)
    else:
        kind = ToldFrozen if account.status == Status.FROZEN else ToldClosed
        notice = kind(**named, reason=account.status_reason)
    notifications.tell(unit, topics=[notifications.inbox_of(user_id)], notice=notice)


def _left_on(account: Account) -> list[str]:
    """Return in words what keeps a locked account open."""
    found = []
    if account.balance:
        found.append("There is money on it.")
    if account.held:
        found.append("Money on it is held.")
    if people.incoming_held(account.pk):
        found.append("Money for it is being checked.")
    if Loan.objects.filter(account=account, state__in=[LoanState.PENDING, LoanState.ACTIVE]).exists():
        found.append("There is a loan on it.")
    return found
