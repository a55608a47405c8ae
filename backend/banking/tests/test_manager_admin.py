"""The admin site's pages of banking: what is saved there goes through the services."""

from decimal import Decimal

import pytest
from django.conf import settings
from django.test import Client

from backend.audit.models import AuditLog
from backend.banking.models import Bank, BankGrant, Payment
from backend.banking.services import grants, payments
from backend.banking.tests.factories import make_account, make_loan
from backend.banking.tests.manager_factories import everything_stored
from backend.identity.principals import principal_of

BANKS = f"/{settings.ADMIN_URL}/banking/bank/"
FORM = {"bank_name": "Riverside", "currency": "EUR", "time_zone": "Europe/Lisbon", "city": "Porto"}


@pytest.fixture
def chief(make_user):
    return make_user(email="chief@example.com", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(chief):
    client = Client()
    client.force_login(chief)
    return client


@pytest.mark.django_db
def test_a_bank_is_made_and_handed_over(desk, chief, make_user):
    """S0-O8; BUG-S0-18: this is where it is done, and it is on record."""
    first, second = make_user(), make_user()

    desk.post(f"{BANKS}add/", {**FORM, "manager": first.pk})
    bank = Bank.objects.get()
    answer = desk.post(f"{BANKS}{bank.pk}/change/", {**FORM, "city": "Lisboa", "manager": second.pk})

    bank.refresh_from_db()
    assert (answer.status_code, bank.manager, bank.city, bank.currency) == (302, second, "Lisboa", "EUR")
    rows = AuditLog.objects.filter(target_id=str(bank.pk)).order_by("id")
    assert [(row.action, row.actor_id) for row in rows] == [
        ("bank.registered", chief.pk),
        ("bank.changed", chief.pk),
        ("bank.handed_over", chief.pk),
    ]


@pytest.mark.django_db
def test_a_bank_goes_to_nobody_who_has_one_and_keeps_books_that_can_be_kept(desk, mona, otto):
    bank = Bank.objects.get(manager=mona)
    before = everything_stored()

    desk.post(f"{BANKS}{bank.pk}/change/", {**FORM, "manager": otto.pk})
    desk.post(f"{BANKS}{bank.pk}/change/", {**FORM, "time_zone": "Mars/Olympus", "manager": mona.pk})
    desk.post(f"{BANKS}{bank.pk}/change/", {**FORM, "currency": "eur", "manager": mona.pk})

    bank.refresh_from_db()
    assert (bank.manager, bank.bank_name, everything_stored()) == (mona, "First", before)


@pytest.mark.django_db
def test_a_grant_is_withdrawn_by_an_action_of_its_list(desk, mona, make_user):
    bank, nils = Bank.objects.get(manager=mona), make_user()
    grant = grants.add_manager(actor=principal_of(mona), bank_id=bank.pk, email=nils.email)
    page = f"/{settings.ADMIN_URL}/banking/bankgrant/"

    desk.post(page, {"action": "withdraw", "_selected_action": [grant.pk]})

    assert not BankGrant.objects.exists()
    assert AuditLog.objects.get(action="bank.manager_removed").facts == {"manager": nils.pk}


@pytest.mark.django_db
def test_a_payment_shows_what_went_to_which_loan(desk):
    """S4-O8: its details stand on its page, and neither is changed or deleted there."""
    loan = make_loan(make_account(), 50)
    payment = payments.pay(actor_id=None, account_id=loan.account_id, total_amount=Decimal(20))

    page = desk.get(f"/{settings.ADMIN_URL}/banking/payment/{payment.pk}/change/")

    assert (str(loan.pk) in page.text, "20.00" in page.text, "Delete" in page.text) == (True, True, False)
    assert Payment.objects.count() == 1
