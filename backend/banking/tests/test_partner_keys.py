"""Which bank a key works for: said on the admin site, and by the demo for its own key."""

import pytest
from django.conf import settings
from django.test import Client
from rest_framework_api_key.models import APIKey

from backend.audit.models import AuditLog
from backend.banking.models import Bank, PartnerKey
from backend.banking.partner_errors import KeysAreSuperusers
from backend.banking.services.partner_keys import bind_demo_key, bind_key
from backend.banking.tests.partner_stage import stored
from backend.common.hooks import Demo
from backend.identity.principals import principal_of

pytestmark = pytest.mark.django_db

PAGE = f"/{settings.ADMIN_URL}/banking/partnerkey/"


def bound_to(key):
    return list(PartnerKey.objects.filter(api_key=key).values_list("bank__bank_name", flat=True))


def test_a_key_is_bound_and_bound_anew_on_the_admin_site(make_user):
    desk = Client()
    desk.force_login(make_user(is_staff=True, is_superuser=True))
    key, _ = APIKey.objects.create_key(name="partner")
    first, second = (Bank.objects.create(bank_name=name) for name in ("First", "Second"))

    desk.post(f"{PAGE}add/", {"api_key": key.pk, "bank": first.pk})
    before = bound_to(key)
    desk.post(f"{PAGE}{key.pk}/change/", {"bank": second.pk})

    assert (before, bound_to(key)) == (["First"], ["Second"])
    rows = AuditLog.objects.filter(action="api_key.bound").order_by("id")
    assert [(row.facts["prefix"], row.facts["from"], row.facts["bank"]) for row in rows] == [
        (key.prefix, None, str(first.pk)),
        (key.prefix, str(first.pk), str(second.pk)),
    ]


def test_nobody_but_superusers_binds_keys(make_user):
    staff = make_user("BANK_ADMIN", is_staff=True)
    key, _ = APIKey.objects.create_key(name="partner")
    bank = Bank.objects.create(bank_name="First", manager=staff)
    before = stored()

    with pytest.raises(KeysAreSuperusers):
        bind_key(actor=principal_of(staff), api_key_id=key.pk, bank_id=bank.pk)
    assert (bound_to(key), stored()) == ([], before)


def test_the_demos_key_works_for_the_demos_bank(make_user):
    """design.md section 2. At each start anew, which changes nothing."""
    manager = make_user()
    key, _ = APIKey.objects.create_key(name="demo")
    demo = Demo({"manager": manager.pk}, key.prefix)
    bind_demo_key(demo)  # The bank is not there yet.
    Bank.objects.create(bank_name="Riverside", manager=manager)
    bind_demo_key(demo)
    before = stored()

    bind_demo_key(demo)

    assert (bound_to(key), stored()) == (["Riverside"], before)
