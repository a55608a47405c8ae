"""A row more of each model of banking (backend/tests/pages.py)."""

from django.contrib.auth.models import Permission
from rest_framework_api_key.models import APIKey

from backend.banking.models import (
    Account,
    Bank,
    BankGrant,
    Customer,
    Loan,
    PartnerKey,
)
from backend.banking.tests.manager_factories import make_account, make_bank, make_customer, make_loan
from backend.tests.stage import Stage


def _bank(stage: Stage) -> Bank:
    return make_bank(stage.make_user())


def _customer(stage: Stage) -> Customer:
    return make_customer(_bank(stage).manager)


def _account(stage: Stage) -> Account:
    return make_account(_bank(stage).manager)


def _loan(stage: Stage) -> Loan:
    return make_loan(_bank(stage).manager)


def _grant(stage: Stage) -> None:
    may = Permission.objects.get(codename="manage_bank")
    BankGrant.objects.create(content_object=_bank(stage), user=stage.make_user(), permission=may)


def _key(stage: Stage) -> None:
    PartnerKey.objects.create(api_key=APIKey.objects.create_key(name="partner")[0], bank=_bank(stage))
