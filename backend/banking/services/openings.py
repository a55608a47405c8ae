"""Opening an account at a bank of one's choice, and what its owner says of it."""

from typing import Any
from uuid import UUID

from django.conf import settings

from backend.audit import services as audit
from backend.banking.errors import BankUnknown, InvalidField, TooManyAccounts
from backend.banking.models import Account, AccountStatus, Bank, Customer
from backend.banking.selectors import people
from backend.banking.services import accounts, customers, standing
from backend.common.principal import Principal
from backend.common.unit_of_work import unit_of_work
from backend.notifications import services as notifications
from backend.notifications.transfer_notices import AccountOpened

OTHER_CURRENCY = "Your budget is kept in another currency: that of the accounts that are in it."


def open_own_account(*, actor: Principal, bank_id: UUID) -> Account:
    """Open an account of the actor's at a bank, in the bank's currency, and return it. The bank knows them from then.

    Raises: KycRequired, BankUnknown, TooManyAccounts.
    Locks: the person, shared; their customer, so that of many at once no more are opened than one may have.
    After commit: `account.opened` to them.
    """
    with unit_of_work() as unit:
        standing.keep_verified(actor.id)
        bank = Bank.objects.filter(pk=bank_id).first()
        if bank is None:
            raise BankUnknown
        customer = _locked(customers.customer_of(user_id=actor.id, by_id=actor.id))
        mine = Account.objects.filter(customer=customer, bank=bank).exclude(status=AccountStatus.CLOSED)
        if mine.count() >= settings.ACCOUNTS_PER_BANK_MAX:
            raise TooManyAccounts
        customers.register(customer.pk, bank.pk)
        account = accounts.create_account(
            bank=bank, customer=customer, account_number=accounts.new_number(), fields={"currency": bank.currency}
        )
        audit.record(
            actor_id=actor.id,
            action="account.opened",
            target=account,
            facts={"bank": str(bank.pk)},
            subject_id=actor.id,
        )
        notice = AccountOpened(
            account_id=str(account.pk),
            account_number=account.account_number,
            bank=bank.bank_name,
            currency=bank.currency,
        )
        notifications.tell(unit, topics=[notifications.inbox_of(actor.id)], notice=notice)
    return account


def put_in_budget(*, actor: Principal, account_id: UUID, in_budget: bool) -> Account:
    """Have what moves on an account of the actor's stand in their budget, or no longer. What stands there stays.

    Repeating changes nothing. Raises: AccountUnknown, InvalidField (accounts of another currency are in the budget).
    Locks: the customer, then the account.
    """
    found = people.get_account(actor=actor, account_id=account_id)
    with unit_of_work():
        customer = _locked(found.customer)
        account = Account.objects.select_related("bank").select_for_update(of=("self",), no_key=True).get(pk=found.pk)
        if account.in_budget == in_budget:
            return account
        if in_budget and not people.fits_budget(customer, account.currency):
            raise InvalidField("in_budget", OTHER_CURRENCY)
        account.in_budget = in_budget
        account.save(update_fields=["in_budget", "updated_at"])
        facts: dict[str, Any] = {"in_budget": in_budget}
        audit.record(actor_id=actor.id, action="account.changed", target=account, facts=facts, subject_id=actor.id)
    return account


def _locked(customer: Customer) -> Customer:
    return Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
