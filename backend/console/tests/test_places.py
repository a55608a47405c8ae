"""Verification, fraud, banking, audit and team as pages: whose rows, at what cost, and what bad input does."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.audit.models import AuditLog
from backend.banking.tests.factories import fund, make_account, make_bank
from backend.banking.tests.lending_factories import apply, lend, make_borrower
from backend.console.tests.forms import token_on
from backend.fraud.models import FraudAlert
from backend.fraud.tests.made import flagged, held
from backend.identity.services import roles
from backend.kyc.tests.people import waiting
from backend.support.tests.factories import nobody_is_available, waiting_chat

pytestmark = pytest.mark.django_db


def cost_of(client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


def test_lists_cost_the_same_however_much_is_in_them(make_user, visit):
    everybody = make_user("SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR", is_superuser=True, is_staff=True)
    bank = make_bank(manager=everybody)
    account = fund(make_account(bank=bank), Decimal("10.00")) or make_account(bank=bank)
    paths = ["/console/kyc/", "/console/fraud/", "/console/audit/", "/console/team/", "/console/inbox/?view=queue"]
    paths += ["/console/lending/", "/console/lending/?shown=all"]
    paths += [f"/console/banking/{bank.pk}/", f"/console/banking/{bank.pk}/accounts/"]
    nobody_is_available()

    def add() -> None:
        waiting(make_user)
        flagged(make_user())
        make_account(bank=bank)
        make_user("SUPPORT_AGENT")
        waiting_chat(make_user())
        apply(make_borrower(make_user))
        lend(make_user, make_borrower(make_user))

    add()
    client = visit(everybody)
    before = {path: cost_of(client, path) for path in paths}
    for _ in range(4):
        add()

    assert {path: cost_of(client, path) for path in paths} == before
    assert max(before.values()) <= 20
    assert account is not None


def test_ones_own_case_and_alert_are_not_ones_own_to_see(make_user, visit):
    admin = waiting(make_user)
    roles.assign_role(user=admin, name="BANK_ADMIN", assigned_by=None)
    alert = held(admin)
    client = visit(admin)

    assert client.get(f"/console/kyc/{admin.pk}/").status_code == 404
    assert client.get(f"/console/fraud/{alert.alert_id}/").status_code == 404
    assert alert.alert_id not in client.get("/console/fraud/").content.decode()
    assert "Nobody waits" in client.get("/console/kyc/").content.decode()


def test_documents_are_not_shown_before_a_reason_is_given(make_user, visit):
    """Looking at the page is no look at a document: none is loaded, and the trail has nothing of it."""
    person = waiting(make_user)

    body = visit(make_user("BANK_ADMIN")).get(f"/console/kyc/{person.pk}/").content.decode()

    assert "/preview/" not in body
    assert "Hidden until you say why" in body
    assert not AuditLog.objects.filter(action="kyc.document_viewed").exists()


def test_auditors_read_alerts_and_decide_nothing(make_user, visit):
    alert = held(make_user())

    body = visit(make_user("AUDITOR")).get(f"/console/fraud/{alert.alert_id}/").content.decode()

    assert "Timeline" in body
    assert "Release" not in body
    assert "Take this alert" not in body
    assert "Add a note" not in body
    assert FraudAlert.objects.get().status == "OPEN"


def test_a_claim_whose_time_is_over_keeps_nobody_out(make_user, visit):
    alert, colleague = held(make_user()), make_user("BANK_ADMIN", first_name="Bea")
    path = f"/console/fraud/{alert.alert_id}/"
    client = visit(make_user("BANK_ADMIN"))
    alert.claimed_by, alert.claimed_until = colleague, datetime.now(UTC) + timedelta(minutes=1)
    alert.save()
    assert "Bea has it until" in client.get(path).content.decode()

    alert.claimed_until = datetime.now(UTC) - timedelta(seconds=1)
    alert.save()
    body = client.get(path).content.decode()
    assert "Take this alert" in body
    assert "Bea has it" not in body


def test_a_manager_sees_their_banks_and_no_other_and_an_auditors_look_is_recorded(make_user, visit):
    manager, auditor = make_user(), make_user("AUDITOR")
    mine, theirs = make_bank(manager=manager), make_bank()
    own, other = make_account(bank=mine), make_account(bank=theirs)
    fund(own, Decimal("75.00"))
    client = visit(manager)
    account = "/console/banking/accounts/{}/"

    assert client.get("/console/banking/")["Location"] == f"/console/banking/{mine.pk}/"
    assert "75.00" in client.get(account.format(own.pk)).content.decode()
    assert "75.00" in client.get(f"{account.format(own.pk)}statement/").content.decode()
    for path in (f"/console/banking/{theirs.pk}/", f"/console/banking/{theirs.pk}/accounts/", account.format(other.pk)):
        assert client.get(path).status_code == 404
    assert client.get(f"{account.format(other.pk)}statement/").status_code == 404
    assert not AuditLog.objects.filter(action="account.ledger_viewed").exists()

    assert visit(auditor).get(account.format(other.pk)).status_code == 200
    assert AuditLog.objects.get(action="account.ledger_viewed").actor_id == auditor.pk


def test_only_auditors_verify_and_only_by_our_own_page(make_user, visit):
    """That an auditor's verifying is carried out and recorded: test_browser_desks.py."""
    admin, auditor = visit(make_user("BANK_ADMIN")), visit(make_user("AUDITOR"))
    token = token_on(admin, "/console/audit/")
    auditor.get("/console/audit/")

    refused = admin.post("/console/audit/verify/", headers={"X-CSRFToken": token, "HX-Request": "true"})
    foreign = auditor.post("/console/audit/verify/", headers={"HX-Request": "true"})

    assert (refused.status_code, foreign.status_code) == (403, 403)
    assert not AuditLog.objects.filter(action="audit.verified").exists()


def test_personal_values_are_for_auditors_and_each_look_is_recorded(make_user, visit):
    from backend.audit import services as audit
    from backend.common.unit_of_work import unit_of_work

    person = make_user()
    with unit_of_work():
        audit.record(
            actor_id=1, action="user.changed", target=person, subject_id=person.pk, old={"x": "Ana"}, new={"x": "Bea"}
        )
    path = f"/console/audit/{AuditLog.objects.get(action='user.changed').log_id}/"

    hidden = visit(make_user("BANK_ADMIN")).get(path).content.decode()
    shown = visit(make_user("AUDITOR")).get(path).content.decode()

    assert "Bea" not in hidden
    assert "for auditors" in hidden
    assert "Ana" in shown
    assert "Bea" in shown
    assert AuditLog.objects.filter(action="audit.viewed").count() == 1


@pytest.mark.parametrize(
    "path",
    [
        "/console/audit/?actor=x&subject=-1&from=2026-02-31&to=9999-12-31&before=99999999999999999999&action=%00",
        "/console/fraud/?shown=nothing&severity=%3Cb%3E&before=x",
        "/console/kyc/?assigned=x&risk=%00",
        "/console/team/?tz=Nowhere/At_All&from=x&to=2026-13-45",
        "/console/team/?from=0001-01-01&to=0001-01-02&tz=Asia/Tokyo",
        "/console/inbox/?view=%3Cscript%3E",
    ],
)
def test_filters_that_make_no_sense_filter_nothing(make_user, visit, path):
    client = visit(make_user("SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR"))

    answer = client.get(path)

    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode()


def test_what_is_not_there_is_a_404(make_user, visit):
    client = visit(make_user("SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR"))

    for path in ("kyc/987654321/", "fraud/ALERT0000000000/", "fraud/rules/987/", f"audit/{uuid.uuid4()}/"):
        assert client.get(f"/console/{path}").status_code == 404
    for path in (f"banking/{uuid.uuid4()}/", f"banking/accounts/{uuid.uuid4()}/", f"inbox/{uuid.uuid4()}/card/"):
        assert client.get(f"/console/{path}").status_code == 404
