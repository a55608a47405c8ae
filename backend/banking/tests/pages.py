"""A row more of each model of banking (backend/tests/pages.py), each at a bank of its own."""

from decimal import Decimal
from uuid import uuid4

from django.contrib.auth.models import Permission
from rest_framework_api_key.models import APIKey

from backend.banking import ledger
from backend.banking.models import Account, BankGrant, LedgerFinding, LoanState, PartnerKey
from backend.banking.services import payments
from backend.banking.services.customers import register
from backend.banking.tests.factories import make_account, make_bank, make_customer, make_loan
from backend.banking.tests.scoring_rows import SCORING_ROWS
from backend.common.unit_of_work import unit_of_work
from backend.tests.stage import Stage


def _funded(stage: Stage) -> Account:
    return make_account(make_bank(manager=stage.make_user()), balance=100)


def _hold(stage: Stage) -> None:
    with unit_of_work():
        (account,) = ledger.lock_accounts(_funded(stage).pk)
        ledger.hold(account=account, amount=Decimal(5), reason="", expires_at=None)


def _payment(stage: Stage) -> None:
    loan = make_loan(_funded(stage), 50, state=LoanState.ACTIVE)
    payments.pay(actor_id=None, account_id=loan.account_id, total_amount=Decimal(20))


def _grant(stage: Stage) -> None:
    may = Permission.objects.get(codename="manage_bank")
    bank = make_bank(manager=stage.make_user())
    BankGrant.objects.create(content_object=bank, user=stage.make_user(), permission=may)


ROWS = {
    "banking.Bank": lambda stage: make_bank(manager=stage.make_user()),
    "banking.BankGrant": _grant,
    "banking.PartnerKey": lambda stage: PartnerKey.objects.create(
        api_key=APIKey.objects.create_key(name="partner")[0], bank=make_bank()
    ),
    "banking.Customer": lambda stage: make_customer(user=stage.make_user()),
    "banking.Registration": lambda stage: register(make_customer().pk, make_bank().pk),
    "banking.Account": _funded,
    "banking.Hold": _hold,
    "banking.Loan": lambda stage: make_loan(_funded(stage)),
    "banking.Payment": _payment,
    "banking.PaymentDetail": _payment,
    "banking.Posting": _funded,
    "banking.Entry": _funded,
    "banking.LedgerFinding": lambda stage: LedgerFinding.objects.create(
        kind="balance", subject=f"account {uuid4()}", words="It differs.", event_id=1
    ),
    "banking.InternalAccount": _funded,
    **SCORING_ROWS,
}
