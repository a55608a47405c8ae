"""The demo manager's bank: there after the first start, untouched at the next."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.banking.models import Account, Bank, Customer, Loan
from backend.banking.selectors.ledger import trial_balance
from backend.banking.services.demo import load_demo
from backend.banking.tests.manager_factories import everything_stored
from backend.common.hooks import Demo


@pytest.mark.django_db
def test_the_demo_manager_has_a_bank_with_accounts_and_loans(make_user):
    """design.md section 2."""
    demo = Demo({"manager": make_user().pk})
    load_demo(demo)
    made = everything_stored()

    with CaptureQueriesContext(connection) as queries:
        load_demo(demo)

    bank = Bank.objects.get()
    assert (everything_stored(), len(queries)) == (made, 1)
    assert (Customer.objects.count(), Account.objects.filter(bank=bank).count()) == (24, 24)
    assert set(Loan.objects.values_list("state", flat=True)) == {"paid", "charged_off", "pending", "active"}
    assert [(one.currency, one.total, one.customers > 0) for one in trial_balance(bank)] == [("USD", 0, True)]
