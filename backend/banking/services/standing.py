"""Whether somebody may move money just now, and whether an account takes part in it."""

from backend.banking.errors import AccountClosed, AccountFrozen, KycRequired, PayeeUnavailable
from backend.banking.models import Account, AccountStatus
from backend.identity import selectors as identity

APPROVED = "APPROVED"


def keep_verified(user_id: int) -> None:
    """See to it that a person is verified and active until the caller's transaction ends: whoever revokes it waits, or
    was there before. Called before accounts are locked.

    Raises: KycRequired. Locks: the user row, shared.
    """
    status, is_active = identity.keep_verification(user_id)
    if status != APPROVED or not is_active:
        raise KycRequired


def require_open(account: Account) -> None:
    """Raises: AccountFrozen, AccountClosed. The account is locked."""
    if account.status == AccountStatus.FROZEN:
        raise AccountFrozen
    if account.status == AccountStatus.CLOSED:
        raise AccountClosed


def require_taking(account: Account) -> None:
    """As `require_open`, for an account of somebody else: its state is not told. Raises: PayeeUnavailable."""
    if not account.is_active:
        raise PayeeUnavailable
