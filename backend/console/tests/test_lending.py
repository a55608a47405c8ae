"""Loan applications and statements as pages: whose rows, who decides, and that a file is what its holder gets."""

from datetime import UTC, datetime

import pytest

from backend.audit.models import AuditLog
from backend.banking.models import LoanApplication, LoanScore
from backend.banking.services import statements
from backend.banking.tests.lending_factories import apply, lend, make_borrower, verified
from backend.banking.tests.people_factories import account_of, send
from backend.identity.principals import principal_of

pytestmark = pytest.mark.django_db

LIST = "/console/lending/"


@pytest.fixture
def ana(make_user):
    return make_borrower(make_user)


def manage(bank, user):
    bank.manager = user
    bank.save(update_fields=["manager"])
    return user


def test_an_application_shows_what_the_model_said_and_its_plan(ana, make_user, visit):
    application = apply(ana, 1200, 12)
    score = LoanScore.objects.get(application=application)

    body = visit(make_user("BANK_ADMIN")).get(f"{LIST}{application.pk}/").content.decode()

    assert all(reason["words"].split("(")[0].strip() in body for reason in score.reasons)
    assert f"{score.probability * 100:.1f} %" in body
    assert "Approve and pay out" in body
    assert body.count("<tr>") == 12 + 1  # The schedule that it would have, and its head.


def test_each_sees_their_banks_and_auditors_and_oneself_decide_nothing(ana, make_user, visit):
    application = apply(ana)
    other = apply(make_borrower(make_user))
    manager, admin = manage(ana.bank, make_user()), make_user("BANK_ADMIN")
    path, foreign = (f"{LIST}{one.pk}/" for one in (application, other))

    mine = visit(manager)
    assert (mine.get(path).status_code, mine.get(foreign).status_code) == (200, 404)
    assert str(other.pk) not in mine.get(LIST).content.decode()
    assert f"/console/banking/accounts/{ana.account.pk}/" in mine.get(path).content.decode()
    body = visit(admin).get(LIST).content.decode()
    assert str(application.pk) in body
    assert str(other.pk) in body
    assert "/console/banking/accounts/" not in visit(admin).get(path).content.decode()
    for person in (make_user("AUDITOR"), make_user("SUPPORT_AGENT")):
        answer = visit(person).get(path)
        assert "Approve" not in answer.content.decode()
    assert answer.status_code == 403

    own = make_borrower(make_user, user=verified(make_user("BANK_ADMIN")))
    body = visit(own.user).get(f"{LIST}{apply(own).pk}/").content.decode()
    assert "somebody else decides" in body
    assert "Approve" not in body


def test_a_loan_shows_its_schedule_and_is_given_up_only_when_it_may_be(ana, make_user, visit):
    loan, fresh = lend(make_user, ana), lend(make_user, make_borrower(make_user), today=datetime.now(UTC).date())
    admin = visit(make_user("BANK_ADMIN"))

    body = admin.get(f"{LIST}loans/{loan.pk}/").content.decode()
    young = admin.get(f"{LIST}loans/{fresh.pk}/").content.decode()

    assert body.count("<tr>") == 12 + 1
    assert ("Give it up" in body, "Give it up" in young) == (True, False)
    assert "Give it up" not in visit(make_user("AUDITOR")).get(f"{LIST}loans/{loan.pk}/").content.decode()
    assert admin.get(f"{LIST}loans/{ana.account.pk}/").status_code == 404
    assert LoanApplication.objects.get(loan=loan).status == "approved"


def test_a_statement_is_what_its_holder_gets_and_an_auditors_look_is_recorded(make_user, visit):
    manager, auditor = make_user(), make_user("AUDITOR")
    source = account_of(make_user(first_name="Ana"), balance="500.00")
    target = account_of(make_user(first_name="Bob"), bank=source.bank)
    manage(source.bank, manager)
    send(source, target, "120.50", memo="rent", payee_name="=Bob")
    path = f"/console/banking/accounts/{source.pk}/statement/"
    month = f"{datetime.now(UTC):%Y-%m}"
    holder = principal_of(source.customer.user)
    theirs = statements.make_statement(
        actor=holder, account_id=source.pk, month=datetime.now(UTC).date().replace(day=1)
    )

    client = visit(manager)
    page = client.get(path).content.decode()
    as_csv = client.get(f"{path}{month}.csv")

    assert all(words in page for words in ("-120.50", "379.50", "rent", "=Bob", "as far as it has come"))
    assert as_csv.getvalue() == b"".join(statements.as_csv(theirs))
    assert as_csv["Content-Disposition"].startswith("attachment;")
    assert client.get(f"{path}{month}.json").getvalue().startswith(b'{"account_id"')
    assert client.get(f"{path}{month}.pdf").getvalue().startswith(b"%PDF")
    for wrong in (f"{month}.exe", "2999-01.csv", "1999-01.csv", "x.csv", "2026-13.csv"):
        assert client.get(path + wrong).status_code == 404
    assert client.get(f"{path}?month=1999-01").status_code == 404
    assert visit(make_user("SUPPORT_AGENT")).get(f"{path}{month}.csv").status_code == 403
    assert not AuditLog.objects.filter(action="account.ledger_viewed").exists()

    assert visit(auditor).get(f"{path}{month}.csv").status_code == 200
    assert AuditLog.objects.get(action="account.ledger_viewed").actor_id == auditor.pk
