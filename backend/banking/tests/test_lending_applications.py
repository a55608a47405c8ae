"""Asking for a loan, and what becomes of it (issue 08, build 2; S2-B35)."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction

from backend.audit.models import AuditDetail, AuditLog
from backend.banking.errors import (
    AccountClosed,
    AccountFrozen,
    AccountUnknown,
    CreditLineExceeded,
    InvalidAmount,
    KycRequired,
    ReasonMissing,
)
from backend.banking.lending_errors import (
    AmountOutOfRange,
    ApplicantNotVerified,
    ApplicationDecided,
    ApplicationUnknown,
    ApplicationWaiting,
    LoanStaffOnly,
    MonthsOutOfRange,
    OwnLoan,
    ProductElsewhere,
    ProductUnknown,
    TermsTooThin,
)
from backend.banking.models import Account, BankGrant, Loan, LoanApplication, LoanProduct, LoanTerms
from backend.banking.selectors import debts
from backend.banking.services import payments
from backend.banking.services.lending import applications, products
from backend.banking.tests.factories import make_account, make_bank
from backend.banking.tests.lending_factories import (
    START,
    apply,
    at_the_desk,
    customer_of,
    heard,
    lend,
    make_admin,
    make_borrower,
    make_product,
    own_accounts,
    plan_of,
    refused,
    state_of,
)
from backend.identity.models import User
from backend.identity.principals import principal_of
from backend.realtime.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(make_user):
    return make_borrower(make_user)


@pytest.fixture
def admin(make_user):
    return make_admin(make_user)


# Asking


def test_what_is_asked_for_waits_on_the_terms_of_today(ana, admin):
    application = apply(ana, 1200, 12)
    products.change_product(actor=admin, product_id=ana.product.pk, changes={"annual_rate": Decimal(99)})

    loan = Loan.objects.get(pk=application.loan_id)
    terms = LoanTerms.objects.get(pk=loan.pk)
    assert (application.status, loan.state, loan.door, loan.term) == ("submitted", "pending", "customer", "Short Term")
    assert (terms.annual_rate, terms.months, terms.method, terms.day_count) == (12, 12, "annuity", "30E/360")
    assert (terms.started_on, terms.next_due_on, terms.apr) == (None, None, None)
    assert debts.total_debt(ana.account.pk) == 1200
    assert at_the_desk() == ["loan.applied"]
    assert AuditLog.objects.filter(action="loan_application.submitted", subject_id=ana.user.pk).count() == 1


@pytest.mark.parametrize("status", ["INCOMPLETE", "PENDING", "REJECTED"])
def test_nobody_borrows_before_they_are_verified(ana, status):
    """Asked of the database, not of the token: verification may have been revoked a second ago."""
    actor = ana.actor
    User.objects.filter(pk=ana.user.pk).update(kyc_status=status)
    with refused(KycRequired):
        apply(ana, actor=actor)


def test_a_loan_is_for_ones_own_account_that_is_open(ana, make_user):
    other = make_borrower(make_user)
    with refused(AccountUnknown):
        apply(ana, account_id=other.account.pk)
    for status, fault in (("frozen", AccountFrozen), ("closed", AccountClosed)):
        Account.objects.filter(pk=ana.account.pk).update(status=status)
        with refused(fault):
            apply(ana)


def test_a_product_is_of_the_accounts_bank_and_currency_and_open(ana):
    closed, elsewhere = make_product(ana.bank, is_open=False), make_product()
    euros = make_product(ana.bank, currency="EUR")
    with refused(ProductUnknown):
        apply(ana, product_id=closed.pk)
    for other in (elsewhere, euros):
        with refused(ProductElsewhere):
            apply(ana, product_id=other.pk)


def test_amount_and_time_are_within_the_product(ana):
    for amount in ("99.99", "50000.01"):
        with refused(AmountOutOfRange) as caught:
            apply(ana, amount)
        assert caught.value.extra == {"least": "100.00", "most": "50000.00"}
    with refused(MonthsOutOfRange):
        apply(ana, months=85)
    for amount in ("0", "-5", "100.001"):
        with refused(InvalidAmount):
            apply(ana, amount)
    assert apply(ana, "50000.00", 84).status == "submitted"


def test_what_rounding_would_shape_is_not_lent(make_user):
    ana = make_borrower(make_user, amount_min=Decimal("0.01"), months_max=480, annual_rate=Decimal(100))
    with refused(TermsTooThin):
        apply(ana, "100.00", 480)


def test_one_application_at_a_time_waits_on_an_account(ana):
    first = apply(ana)
    with refused(ApplicationWaiting):
        apply(ana)
    applications.withdraw(actor=ana.actor, application_id=first.pk)
    assert apply(ana).pk != first.pk


def test_a_credit_line_counts(ana):
    Account.objects.filter(pk=ana.account.pk).update(credit_line=1000)
    with refused(CreditLineExceeded):
        apply(ana, "1000.01")
    assert apply(ana, "1000.00")


# Deciding


def test_approving_makes_the_schedule_and_pays_out(ana, admin):
    application = apply(ana, 1200, 3)

    applications.approve(actor=admin, application_id=application.pk, today=START)

    loan = Loan.objects.get(pk=application.loan_id)
    application.refresh_from_db()
    assert (application.status, application.decided_by_id) == ("approved", admin.id)
    assert (state_of(loan), ana.balance()) == (("active", "1200.00"), 1200)
    assert own_accounts(ana.bank)["loans_receivable"] == "-1200.00"
    # 1 % a month: 408.03 each (408.0265).
    assert plan_of(loan) == [
        (1, "2026-02-15", "396.03", "12.00", "open"),
        (2, "2026-03-15", "399.99", "8.04", "open"),
        (3, "2026-04-15", "403.98", "4.04", "open"),
    ]
    terms = LoanTerms.objects.get(pk=loan.pk)
    assert (str(terms.level), str(terms.apr), str(terms.next_amount)) == ("408.03", "12.68", "408.03")
    assert (terms.started_on, str(terms.next_due_on), str(terms.late_on)) == (START, "2026-02-15", "2026-02-21")
    assert heard(ana.user) == ["loan.activated", "loan.decided"]
    assert at_the_desk() == ["loan.applied", "loan.application_decided"]
    assert AuditLog.objects.filter(action="loan_application.approved", actor_id=admin.id).count() == 1


def test_rejecting_tells_why(ana, admin):
    application = apply(ana)
    with refused(ReasonMissing):
        applications.reject(actor=admin, application_id=application.pk, reason="  ")

    applications.reject(actor=admin, application_id=application.pk, reason=" Too little income. ")

    application.refresh_from_db()
    assert (application.status, application.reason) == ("rejected", "Too little income.")
    assert state_of(application.loan) == ("rejected", "0.00")
    assert (heard(ana.user), debts.total_debt(ana.account.pk)) == (["loan.decided"], 0)
    (row,) = AuditLog.objects.filter(action="loan_application.rejected")
    assert "Too little" not in str(row.facts)
    assert "Too little income." in str(AuditDetail.objects.get(row_id=row.pk).values)


def test_withdrawing_leaves_nothing_owed(ana, admin, make_user):
    application, other = apply(ana), make_borrower(make_user)
    with refused(ApplicationUnknown):
        applications.withdraw(actor=other.actor, application_id=application.pk)

    applications.withdraw(actor=ana.actor, application_id=application.pk)

    application.refresh_from_db()
    assert (application.status, state_of(application.loan)) == ("withdrawn", ("rejected", "0.00"))
    assert (heard(ana.user), ana.balance()) == ([], 0)
    told = Event.objects.get(kind="loan.application_decided").payload
    assert told == {"application_id": str(application.pk), "bank_id": str(ana.bank.pk), "status": "withdrawn"}
    for decide in (
        lambda: applications.withdraw(actor=ana.actor, application_id=application.pk),
        lambda: applications.approve(actor=admin, application_id=application.pk),
        lambda: applications.reject(actor=admin, application_id=application.pk, reason="late"),
    ):
        with refused(ApplicationDecided) as caught:
            decide()
        assert caught.value.extra == {"status": "withdrawn"}


def test_whoever_was_revoked_or_frozen_meanwhile_is_lent_nothing(ana, admin):
    application = apply(ana)
    User.objects.filter(pk=ana.user.pk).update(kyc_status="REJECTED")
    with refused(ApplicantNotVerified):
        applications.approve(actor=admin, application_id=application.pk)
    User.objects.filter(pk=ana.user.pk).update(kyc_status="APPROVED")
    Account.objects.filter(pk=ana.account.pk).update(status="frozen")
    with refused(AccountFrozen):
        applications.approve(actor=admin, application_id=application.pk)
    Account.objects.filter(pk=ana.account.pk).update(status="open")
    assert applications.approve(actor=admin, application_id=application.pk).status == "approved"


def test_who_decides_about_which_banks_applications(ana, make_user):
    """Bank admins about every bank's, managers about their own banks', auditors about none, nobody about their own."""
    application = apply(ana)
    manager, granted, elsewhere = make_user(), make_user(), make_user()
    ana.bank.manager = manager
    ana.bank.save()
    make_bank(manager=elsewhere)
    permission = Permission.objects.get(codename="manage_bank")
    BankGrant.objects.create(user=granted, content_object=ana.bank, permission=permission)

    def reject(user):
        applications.reject(actor=principal_of(user), application_id=application.pk, reason="no")

    for user, fault in (
        (make_user("AUDITOR"), LoanStaffOnly),
        (make_user(), LoanStaffOnly),
        (make_user(is_staff=True), LoanStaffOnly),
        (make_user(is_staff=True, is_superuser=True), LoanStaffOnly),
        (make_user("SUPPORT_AGENT"), LoanStaffOnly),
        (elsewhere, ApplicationUnknown),
    ):
        with refused(fault):
            reject(user)
    ana.bank.manager = ana.user
    ana.bank.save()
    with refused(OwnLoan):
        reject(ana.user)
    reject(granted)
    ana.bank.manager = manager
    ana.bank.save()
    again = apply(ana)
    assert applications.approve(actor=principal_of(manager), application_id=again.pk).status == "approved"


def test_partners_payments_do_not_reach_a_persons_loan(ana, make_user):
    """Its schedule knows what is interest; a payment is principal only. Its debt counts, all the same."""
    loan = lend(make_user, ana)
    payment = payments.pay(actor_id=None, account_id=ana.account.pk, total_amount=Decimal(10))
    assert (payment.status, state_of(loan)) == ("rejected", ("active", "1200.00"))
    assert debts.total_debt(ana.account.pk) == 1200


def test_what_the_model_says_is_kept_for_the_desk_and_refuses_nobody(ana, settings, tmp_path):
    application = apply(ana)
    assert application.score.told["Term"] == "Short Term"
    assert application.score.prediction in {"Fully Paid", "Charged Off"}
    applications.withdraw(actor=ana.actor, application_id=application.pk)

    settings.LOAN_MODEL = tmp_path / "none.model"
    assert apply(ana).score is None


# What the database refuses


def test_rows_that_cannot_be_are_refused_by_the_database(ana):
    application = apply(ana)
    other = make_account(ana.bank, customer_of(ana.user))
    wrongs = [
        lambda: LoanApplication.objects.filter(pk=application.pk).update(status="approved"),
        lambda: LoanApplication.objects.filter(pk=application.pk).update(status="gone"),
        lambda: LoanTerms.objects.filter(pk=application.loan_id).update(started_on=START),
        lambda: LoanTerms.objects.filter(pk=application.loan_id).update(next_due_on=START),
        lambda: LoanTerms.objects.filter(pk=application.loan_id).update(method="balloon"),
        lambda: LoanProduct.objects.filter(pk=ana.product.pk).update(annual_rate=Decimal("100.0001")),
        lambda: LoanProduct.objects.filter(pk=ana.product.pk).update(amount_max=1),
        lambda: LoanProduct.objects.filter(pk=ana.product.pk).update(grace_days=90),
        lambda: LoanApplication.objects.create(loan=application.loan, account=other, bank=ana.bank),
    ]
    for wrong in wrongs:
        with refused(IntegrityError), transaction.atomic():
            wrong()
