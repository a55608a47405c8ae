"""Asking before sending: is this account theirs? Answered in one of three words, and not often enough to guess by."""

from uuid import UUID

from backend.audit import services as audit
from backend.banking.models import AccountStatus
from backend.banking.payees import PayeeMatch, compare
from backend.banking.selectors import people
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.identity import limits


def check_payee(*, actor: Principal, bank_id: UUID, account_number: str, name: str) -> PayeeMatch:
    """Return how well a name fits the holder of an account. One that does not exist or is closed fits nobody.

    Raises: TooMany. The trail keeps that it was asked and the answer, not the name.
    """
    limits.share_for_person("payee", actor.id)
    account = people.find_payee(bank_id=bank_id, account_number=account_number)
    if account is None or account.status == AccountStatus.CLOSED:
        result = PayeeMatch.NONE
    else:
        holder = account.customer
        result = compare(given=name, first_name=holder.first_name, last_name=holder.last_name)
    with unit_of_work():
        audit.record(actor_id=actor.id, action="payee.checked", target=account, facts={"result": result.value})
    return result
