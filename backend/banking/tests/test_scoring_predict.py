"""S0-R21: what the loan model says, and to whom. E-S0-5, E-S0-11, BUG-S0-19, BUG-S0-20."""

import uuid
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from backend.banking.models import BankGrant, LoanScore
from backend.banking.services import predictions
from backend.banking.tests.manager_factories import everything_stored, make_account, make_bank, make_customer
from backend.common.hooks import Erasure, Export, person_erased, person_exported
from ml.columns import SHIPPED
from ml.inference import load

pytestmark = pytest.mark.django_db

PREDICT = "/api/loan/predict/"
KNOWN = {
    "credit_score": Decimal("738.00"),
    "annual_income": 1_250_000,
    "years_in_current_job": "4 years",
    "home_ownership": "Home Mortgage",
    "years_of_credit_history": Decimal("17.40"),
    "number_of_open_accounts": 10,
    "number_of_credit_problems": 0,
    "bankruptcies": 0,
    "tax_liens": 0,
}
OWED = {
    "monthly_debt": Decimal("16100.50"),
    "current_credit_balance": Decimal("210000.00"),
    "maximum_open_credit": 470_000,
    "months_since_last_delinquent": None,
}
TOLD = {
    "Current Loan Amount": 312_000,
    "Term": "Short Term",
    "Purpose": "Debt Consolidation",
    "Monthly Debt": 16100.5,
    "Months since last delinquent": None,
    "Current Credit Balance": 210_000,
    "Maximum Open Credit": 470_000,
    "Credit Score": 738,
    "Annual Income": 1_250_000,
    "Years in current job": "4 years",
    "Home Ownership": "Home Mortgage",
    "Years of Credit History": 17.4,
    "Number of Open Accounts": 10,
    "Number of Credit Problems": 0,
    "Bankruptcies": 0,
    "Tax Liens": 0,
}


@pytest.fixture
def mona(make_user):
    """The first manager of a bank."""
    manager = make_user(first_name="Mona")
    manager.bank = make_bank(manager)
    return manager


@pytest.fixture
def account(mona):
    return make_account(mona, customer=make_customer(mona, **KNOWN), **OWED)


@pytest.fixture
def as_mona(mona, client_of):
    return client_of(mona)


def asked(account, **changed):
    loan = {"current_loan_amount": "312000.00", "term": "Short Term", "purpose": "Debt Consolidation"}
    return {"account": str(account.pk), **loan, **changed}


def test_a_manager_gets_label_probability_band_and_version(as_mona, account):
    answer = as_mona.post(PREDICT, asked(account), format="json")

    expected = load(SHIPPED).score(TOLD)
    assert answer.status_code == 200
    assert answer.json() == {
        "prediction": expected.prediction,
        "probability": round(expected.probability, 4),
        "risk_band": expected.risk_band,
        "model_version": expected.model_version,
        "outside": [],
    }


def test_every_feature_comes_from_where_the_contract_says(as_mona, mona, account):
    """S0-B10: each field of account and customer is told under its own name, so changing it changes what is told."""
    score = predictions.score_application(
        account=account, amount=Decimal("312000.00"), term="Short Term", purpose="Debt Consolidation"
    )
    told = {name: None if value is None else str(value) for name, value in TOLD.items()}
    assert score.told.keys() == told.keys()
    for name, value in told.items():
        found = score.told[name]
        assert found == value or Decimal(found) == Decimal(value), name


@pytest.mark.parametrize("how", [{"reasons": True}, "?reasons=true"])
def test_reasons_come_in_words_where_asked_for(as_mona, account, how):
    path, body = (PREDICT + how, {}) if isinstance(how, str) else (PREDICT, how)
    body = as_mona.post(path, asked(account, term="Long Term", **body), format="json").json()

    assert len(body["reasons"]) == 5
    assert body["reasons"][0] == {
        "feature": "Term",
        "effect": body["reasons"][0]["effect"],
        "words": "The term (Long Term) strongly lowers the chance of full repayment.",
    }
    plain = as_mona.post(PREDICT, asked(account, term="Long Term"), format="json").json()
    assert {name: body[name] for name in plain} == plain


def test_a_customer_of_whom_nothing_is_known_is_scored(as_mona, mona):
    """E-S0-11."""
    answer = as_mona.post(PREDICT, asked(make_account(mona), purpose="", reasons=True), format="json")
    assert answer.status_code == 200
    assert 0 < answer.json()["probability"] < 1


@pytest.mark.parametrize(
    ("changed", "outside"),
    [
        ({"purpose": "Space travel"}, []),
        ({"current_loan_amount": "999999999999999999.99"}, ["Current Loan Amount"]),
        ({"current_loan_amount": "99999999.00"}, []),
        ({"current_loan_amount": "0.01"}, ["Current Loan Amount"]),
    ],
)
def test_unknown_purposes_and_absurd_amounts_are_answered(as_mona, account, changed, outside):
    answer = as_mona.post(PREDICT, asked(account, **changed), format="json")
    assert answer.status_code == 200
    assert answer.json()["outside"] == outside


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"current_loan_amount": "0"}, "current_loan_amount"),
        ({"current_loan_amount": "-5.00"}, "current_loan_amount"),
        ({"current_loan_amount": "1e400"}, "current_loan_amount"),
        ({"current_loan_amount": "NaN"}, "current_loan_amount"),
        ({"current_loan_amount": "1000000000000000000.00"}, "current_loan_amount"),
        ({"term": "Forever"}, "term"),
        ({"purpose": "x" * 256}, "purpose"),
        ({"purpose": "a\x00b"}, "purpose"),
        ({"account": "7"}, "account"),
        ({"reasons": "perhaps"}, "reasons"),
    ],
)
def test_a_bad_body_names_its_field(as_mona, account, changed, field):
    answer = as_mona.post(PREDICT, {**asked(account), **changed}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_another_banks_account_does_not_exist_and_only_managers_ask(as_mona, mona, account, make_user, client_of):
    """E-S0-5, BUG-S0-19: nor does the answer tell whether the account is there."""
    otto = make_user()
    make_bank(otto, bank_name="Second")
    theirs = as_mona.post(PREDICT, asked(make_account(otto)), format="json")
    nobodys = as_mona.post(PREDICT, {**asked(account), "account": str(uuid.uuid4())}, format="json")
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert theirs.json() == nobodys.json()

    assert APIClient().post(PREDICT, asked(account), format="json").status_code == 401
    for other in (make_user(), make_user(is_staff=True, is_superuser=True), make_user("BANK_ADMIN")):
        assert client_of(other).post(PREDICT, asked(account), format="json").status_code == 403
        assert client_of(other).post(PREDICT, {}, format="json").status_code == 403


def test_a_further_manager_asks_too_until_the_grant_is_withdrawn(mona, account, make_user, client_of):
    may = Permission.objects.get(codename="manage_bank")
    colleague = make_user()
    grant = BankGrant.objects.create(content_object=mona.bank, user=colleague, permission=may)
    assert client_of(colleague).post(PREDICT, asked(account), format="json").status_code == 200
    grant.delete()
    assert client_of(colleague).post(PREDICT, asked(account), format="json").status_code == 403


def test_predicting_takes_one_query_and_stores_nothing(as_mona, account, django_assert_num_queries):
    as_mona.post(PREDICT, asked(account), format="json")
    before = everything_stored()
    with django_assert_num_queries(1):
        as_mona.post(PREDICT, asked(account, reasons=True), format="json")
    assert everything_stored() == before
    assert not LoanScore.objects.exists()


def test_a_broken_artefact_makes_predicting_503_and_nothing_else(as_mona, account, settings, tmp_path):
    settings.LOAN_MODEL = tmp_path / "loan_status.model"
    for content in (None, b"\x80\x04pickle", SHIPPED.read_bytes()[:-9]):
        if content is not None:
            settings.LOAN_MODEL.write_bytes(content)
        answer = as_mona.post(PREDICT, asked(account), format="json")
        assert (answer.status_code, answer.json()["code"]) == (503, "model.unavailable")
        assert "Retry-After" in answer
    assert str(tmp_path) not in answer.text
    assert as_mona.get(f"/api/account/{account.pk}/").status_code == 200
    assert as_mona.get("/readyz").status_code in (200, 404)
    assert predictions.score_application(account=account, amount=Decimal(5), term=None, purpose="") is None
    assert not LoanScore.objects.exists()

    settings.LOAN_MODEL.write_bytes(SHIPPED.read_bytes())
    assert as_mona.post(PREDICT, asked(account), format="json").status_code == 200


def test_an_application_keeps_score_reasons_and_what_the_model_was_told(account):
    score = predictions.score_application(
        account=account, amount=Decimal("312000.00"), term="Short Term", purpose="Debt Consolidation"
    )
    score.refresh_from_db()
    model = load(SHIPPED)
    assert (score.account, score.model_version, score.outside) == (account, model.version, [])
    assert score.probability == predictions.rounded(model.score(TOLD).probability)
    assert [reason["words"] for reason in score.reasons] == [reason.words for reason in model.explain(TOLD).reasons]
    # What was told is enough to ask again and hear the same.
    assert predictions.rounded(model.score(score.told).probability) == score.probability


def test_a_persons_export_has_the_scores_and_an_erasure_takes_what_was_told(account, make_user):
    person = make_user()
    account.customer.user = person
    account.customer.save()
    kept = predictions.score_application(account=account, amount=Decimal("9.00"), term=None, purpose="Moving")
    other = predictions.score_application(
        account=make_account(account.bank.manager), amount=Decimal("9.00"), term=None, purpose="Moving"
    )
    parts = {}
    person_exported(Export(person.pk, lambda name, rows: parts.update({name: list(rows)})))
    (row,) = parts["banking/loan_scores.json"]
    assert row["told"]["Credit Score"] == "738.00"
    assert row["reasons"] == [reason["words"] for reason in kept.reasons]

    person_erased(Erasure(person.pk, "Erased"))
    kept.refresh_from_db()
    other.refresh_from_db()
    assert (kept.told, kept.reasons, kept.purpose) == ({}, [], "")
    assert kept.probability > 0
    assert other.told
    assert other.reasons
