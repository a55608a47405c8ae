"""A partner's customers (S4-R1 to S4-R4): registering, reading, changing; keys and the banks they work for."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

from backend.audit.models import AuditLog
from backend.banking.models import Account, AccountStatus, Bank, Customer, Registration
from backend.banking.tests.partner_stage import Partner, stored

pytestmark = pytest.mark.django_db

ROUTES = [
    *[("get", path) for path in ("/customers/", "/customers/c-1/", "/customers/c-1/balance/", "/loans/")],
    *[("get", path) for path in ("/loans/l-1/", "/payments/", "/payments/p-1/")],
    *[("post", path) for path in ("/customers/", "/customers/upload/", "/loans/", "/loans/l-1/activate/")],
    *[("post", path) for path in ("/loans/l-1/reject/", "/payments/")],
    ("patch", "/customers/c-1/"),
]


@pytest.fixture
def partner():
    return Partner()


def test_a_customer_is_registered_and_read_in_the_same_shape(partner):
    """S4-R2, S4-R3, S4-B2, S4-B16: active whatever was asked for."""
    answer = partner.customer("c-1", "2500.00", status=2)

    shown = {"external_id": "c-1", "status": 1, "score": "2500.00", "preapproved_at": None}
    assert (answer.status_code, answer.json()) == (201, shown)
    assert partner.get("/customers/c-1/").json() == shown
    account = partner.account()
    assert (account.credit_line, account.customer.name, account.balance) == (Decimal("2500.00"), "", 0)
    assert Registration.objects.filter(bank=partner.bank, customer=account.customer).count() == 1
    assert AuditLog.objects.get(action="account.opened").facts["prefix"] == partner.key.prefix


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_both_mounts_are_one_door(prefix):
    """K-32."""
    partner = Partner(prefix=prefix)
    partner.customer("c-1", 300, preapproved_at="2026-01-31T10:00:00+02:00")

    partner.prefix = "" if prefix else "/api"
    assert partner.get("/customers/c-1/").json()["preapproved_at"] == "2026-01-31T08:00:00Z"
    assert partner.get("/customers/").json()["count"] == 1


def test_a_bad_customer_is_400_by_field_and_nothing_is_stored(partner):
    bad = [("external_id", name) for name in ("", "x" * 61, "a/b", "..", "a\tb", "upload", None)]
    bad += [("score", score) for score in ("-0.01", "1.005", "12345678901.00", "NaN", None)]
    bad += [("preapproved_at", at) for at in ("soon", "0001-01-01T00:00:00+10:00")]
    before = stored()

    for field, value in bad:
        answer = partner.post("/customers/", {"external_id": "c-1", "score": "1.00", field: value})
        assert (field, value, answer.status_code, list(answer.json())) == (field, value, 400, [field])
    assert stored() == before


def test_a_name_is_used_once_in_a_bank(partner):
    """E-S4-7. Another bank's names are its own."""
    partner.customer("c-1", "10.00")
    before = stored()

    again = partner.customer("c-1", "99.00")

    assert (again.status_code, list(again.json())) == (400, ["external_id"])
    assert stored() == before
    assert Partner().customer("c-1").status_code == 201


def test_without_a_key_it_is_403_wherever_one_knocks(make_user, client_of):
    """E-S4-1, V-3, V-4, BUG-S4-18: also for people, and for a key in the header that the library itself reads."""
    _, secret = APIKey.objects.create_key(name="partner")
    tries = [APIClient(), APIClient(), APIClient(), client_of(make_user(is_superuser=True))]
    tries[1].credentials(HTTP_AUTHORIZATION=f"Api-Key {secret}")
    tries[2].credentials(HTTP_X_API_KEY=f"{secret}x")

    answers = [getattr(client, method)(path) for client in tries for method, path in ROUTES]

    assert {answer.status_code for answer in answers} == {403}
    assert not any("WWW-Authenticate" in answer for answer in answers)


def test_revoked_expired_and_narrowed_keys_open_nothing(partner):
    """E-S4-2, BUG-S4-20."""
    revoked, expired, narrow = Partner(partner.bank), Partner(partner.bank), Partner(partner.bank, scopes=["webhooks"])
    APIKey.objects.filter(pk=revoked.key.pk).update(revoked=True)
    APIKey.objects.filter(pk=expired.key.pk).update(expiry_date=datetime.now(UTC) - timedelta(seconds=1))

    assert [one.get("/customers/").status_code for one in (revoked, expired, narrow)] == [403, 403, 403]
    assert Partner(partner.bank, scopes=["partner"]).get("/customers/").status_code == 200


def test_a_key_sees_its_own_bank_and_nothing_else(partner):
    """BUG-S4-20. Another bank's customer, loan and payment are not there."""
    other = Partner()
    other.customer("c-1", "5000.00")
    other.active_loan("l-1", "10.00")
    other.pay("p-1", "1.00")
    before = stored()

    paths = ["/customers/c-1/", "/customers/c-1/balance/", "/loans/l-1/", "/payments/p-1/"]
    assert [partner.get(path).status_code for path in paths] == [404] * 4
    assert [partner.get(path).json()["count"] for path in ("/customers/", "/loans/", "/payments/")] == [0, 0, 0]
    assert partner.get("/loans/", customer_external_id="c-1").json()["results"] == []
    assert [partner.post(f"/loans/l-1/{move}/").status_code for move in ("activate", "reject")] == [404, 404]
    assert partner.patch("/customers/c-1/", {"score": "1.00"}).status_code == 404
    assert partner.loan("l-9", "1.00").json() == {
        "customer_external_id": ["There is no customer with this external_id."]
    }
    assert stored() == before


def test_a_key_without_a_bank_works_for_the_default_one(settings):
    """In development that bank is made when the first such key comes; production has to name it."""
    _, secret = APIKey.objects.create_key(name="old")
    client = APIClient()
    client.credentials(HTTP_X_API_KEY=secret)
    settings.PARTNER_DEFAULT_BANK = uuid.uuid4()

    settings.PARTNER_DEFAULT_BANK_IS_MADE = False
    assert (client.get("/customers/").status_code, client.get("/customers/").json()["code"]) == (403, "api_key.no_bank")
    settings.PARTNER_DEFAULT_BANK_IS_MADE = True
    assert client.post("/customers/", {"external_id": "c-1", "score": "1.00"}).status_code == 201
    assert Account.objects.get().bank_id == settings.PARTNER_DEFAULT_BANK
    settings.PARTNER_DEFAULT_BANK = None
    assert client.get("/customers/").status_code == 403
    assert Bank.objects.count() == 1


def test_line_debt_and_what_is_left(partner):
    """S4-R4, S4-B3, S4-B12: pending loans count as well as active ones."""
    partner.customer("c-1", "5000.00")
    partner.active_loan("l-1", "2000.00")
    partner.loan("l-2", "1000.00")

    assert partner.get("/customers/c-1/balance/").json() == {
        "external_id": "c-1",
        "score": "5000.00",
        "total_debt": "3000.00",
        "available_amount": "2000.00",
    }


def test_a_wide_debt_is_shown_and_not_checked_like_input(partner):
    """BUG-S4-22."""
    partner.customer("c-1", "9999999999.99")
    partner.loan("l-1", "9999999999.99")
    partner.patch("/customers/c-1/", {"score": "0.00"})

    assert partner.get("/customers/c-1/balance/").json()["available_amount"] == "-9999999999.99"


def test_a_partner_switches_its_customer_off_and_on(partner):
    """BUG-S4-8, E-S4-9: who is inactive gets no loan and no money, and can still pay."""
    partner.customer()
    partner.active_loan("l-1", "100.00")
    partner.loan("l-2", "100.00")

    assert partner.patch("/customers/c-1/", {"status": 2}).json()["status"] == 2
    before = stored()
    assert partner.loan("l-3", "1.00").json() == {"customer_external_id": ["This customer is not active."]}
    refused = partner.post("/loans/l-2/activate/")
    assert (refused.status_code, refused.json()["code"]) == (400, "customer.paused")
    assert stored() == before
    assert partner.pay("p-1", "100.00").json()["status"] == 1
    assert partner.patch("/customers/c-1/", {"status": 1, "score": "150.00"}).json()["status"] == 1
    assert partner.post("/loans/l-2/activate/").status_code == 200


def test_what_the_bank_froze_the_partner_does_not_thaw(partner):
    partner.customer()
    Account.objects.update(status=AccountStatus.FROZEN)
    before = stored()

    assert partner.get("/customers/c-1/").json()["status"] == 2
    assert list(partner.patch("/customers/c-1/", {"status": 1}).json()) == ["status"]
    assert list(partner.loan("l-1", "1.00").json()) == ["customer_external_id"]
    assert stored() == before


def test_changing_nothing_leaves_no_trace(partner):
    partner.customer("c-1", "5.00")
    before = stored()

    assert partner.patch("/customers/c-1/", {"score": "5.00"}).status_code == 200
    assert partner.patch("/customers/c-1/", {"status": 3}).status_code == 400
    assert stored() == before


@pytest.mark.parametrize("name", ["nobody", "%00", "c%2F1"])
def test_who_is_not_there_is_404(partner, name):
    assert partner.get(f"/customers/{name}/").status_code == 404


def test_accounts_that_the_bank_opened_itself_are_no_customers_of_the_partner(partner):
    customer = Customer.objects.create(first_name="Ana")
    Account.objects.create(bank=partner.bank, customer=customer, account_number="1")

    assert partner.get("/customers/").json()["results"] == []
