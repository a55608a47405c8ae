"""What a person may ask of lending: all about themselves, and to be forgotten; and what the demo's bank offers."""

import json
from datetime import date

import pytest

from backend.banking.models import Account, Instalment, LoanApplication, LoanProduct, Repayment
from backend.banking.services.lending import applications, repaying
from backend.banking.services.lending.demo import load_demo
from backend.banking.tests.factories import make_account, make_bank, move
from backend.banking.tests.lending_factories import (
    apply,
    customer_of,
    lend,
    lending_stored,
    make_admin,
    make_borrower,
    verified,
)
from backend.common import hooks
from backend.common.unit_of_work import unit_of_work

pytestmark = pytest.mark.django_db


def exported(user):
    parts = {}
    hooks.person_exported(hooks.Export(user.pk, lambda name, rows: parts.__setitem__(name, list(rows))))
    return {name: rows for name, rows in parts.items() if name.startswith("banking/loan_") and "scores" not in name}


@pytest.fixture
def ana(make_user):
    return make_borrower(make_user, balance=100)


def test_an_export_has_all_of_ones_own_and_nothing_of_others(ana, make_user):
    other = make_borrower(make_user)
    lend(make_user, other)
    loan = lend(make_user, ana, 1200, 3)
    repaying.pay_instalment(actor=ana.actor, loan_id=loan.pk, number=1, today=date(2026, 2, 15))

    parts = exported(ana.user)

    (asked,), (terms,), (repaid,) = (
        parts[f"banking/loan_{name}.json"] for name in ("applications", "terms", "repayments")
    )
    assert (asked["status"], asked["loan_id"]) == ("approved", str(loan.pk))
    assert (terms["annual_rate"], terms["next_due_on"], terms["loan_id"]) == ("12.0000", "2026-03-15", str(loan.pk))
    assert (repaid["principal"], repaid["interest"], repaid["on"]) == ("396.03", "12.00", "2026-02-15")
    assert [row["state"] for row in parts["banking/loan_instalments.json"]] == ["paid", "open", "open"]
    assert json.loads(json.dumps(parts)) == parts
    assert all(rows == [] for rows in exported(make_user()).values())


def test_whoever_waits_for_a_loan_or_owes_one_is_not_erased(ana, make_user):
    def reasons():
        said = []
        hooks.person_leaving(hooks.Leaving(ana.user.pk, said.append))
        return [words for words in said if "loan" in words]

    application = apply(ana)
    assert len(reasons()) == 1
    applications.withdraw(actor=ana.actor, application_id=application.pk)
    assert reasons() == []
    lend(make_user, ana)
    assert len(reasons()) == 1


def test_an_erasure_takes_the_words_and_leaves_the_numbers(ana, make_user):
    application = apply(ana)
    applications.reject(actor=make_admin(make_user), application_id=application.pk, reason="Lost the job.")
    loan = lend(make_user, ana)
    repaying.pay_off(actor=ana.actor, loan_id=loan.pk, today=date(2026, 1, 20))
    move(ana.account, -ana.balance())

    with unit_of_work():
        hooks.person_erased(hooks.Erasure(ana.user.pk, "Former customer"))

    application.refresh_from_db()
    assert (application.reason, application.score.told, application.status) == ("", {}, "rejected")
    assert (Repayment.objects.count(), Account.objects.get(pk=ana.account.pk).status) == (1, "closed")
    assert Instalment.objects.count() == 0


def test_the_demos_bank_lends_and_is_not_given_more_each_time(make_user, django_assert_num_queries):
    manager, carla = make_user(), verified(make_user())
    demo = hooks.Demo({"manager": manager.pk, "customer": carla.pk})
    load_demo(demo)
    bank = make_bank(manager=manager)
    load_demo(demo)
    assert sorted(LoanProduct.objects.filter(bank=bank).values_list("name", flat=True)) == [
        "Home improvement loan",
        "Personal loan",
    ]
    make_account(bank, customer_of(carla), balance=10)
    load_demo(demo)
    statuses = list(LoanApplication.objects.order_by("created_at").values_list("status", "loan__state"))
    assert statuses == [("approved", "active"), ("submitted", "pending")]
    before = lending_stored()
    with django_assert_num_queries(4):
        load_demo(demo)
    assert lending_stored() == before
