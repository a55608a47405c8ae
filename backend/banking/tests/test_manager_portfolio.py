"""Figures of a bank's loans: what they come to, how many defaulted, and what is at risk; as numbers and as pictures."""

from decimal import Decimal
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.banking.models import Account, Bank, Loan
from backend.banking.tests.manager_factories import make_account, make_customer, make_loan

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def path(mona):
    return f"/api/bank/{Bank.objects.get(manager=mona).pk}/portfolio/"


def by_name(groups: list) -> dict:
    return {group["name"]: group for group in groups}


@pytest.fixture
def loans(mona):
    """Two paid, one charged off, one active with half of it owed, one waiting, and one on record in euros."""
    good = make_account(mona, customer=make_customer(mona, credit_score=Decimal("745.00")), credit_line=Decimal("90"))
    bad = make_account(mona, customer=make_customer(mona, last_name="Berg", credit_score=Decimal("5790.00")))
    unknown = make_account(mona)
    make_loan(mona, account=good, purpose="Car", term="Long Term", current_loan_amount=Decimal("100.00"))
    make_loan(mona, account=unknown, purpose="car ", current_loan_amount=Decimal("99999999.00"))
    make_loan(mona, account=bad, purpose="Car", loan_status="Charged Off", current_loan_amount=Decimal("300.00"))
    active = make_loan(mona, account=good, purpose="Boat", loan_status=None, current_loan_amount=Decimal("80.00"))
    Loan.objects.filter(pk=active.pk).update(state="active", outstanding=Decimal("40.00"))
    make_loan(mona, account=bad, purpose="Boat", loan_status=None, current_loan_amount=Decimal("7.00"))
    make_loan(mona, account=make_account(mona, currency="EUR"))
    return good, bad


@pytest.mark.django_db
def test_loans_are_told_by_state_purpose_term_and_score(loans, path, as_mona):
    """S0-B16: ten-fold scores and amounts that nobody knew do not spoil the sums."""
    body = as_mona.get(path).json()

    states = {name: (one["loans"], one["amount"]) for name, one in by_name(body["states"]).items()}
    assert states == {
        "pending": (1, "7.00"),
        "active": (1, "80.00"),
        "paid": (2, "100.00"),
        "charged_off": (1, "300.00"),
    }
    purposes = {name: (one["loans"], one["default_rate_percent"]) for name, one in by_name(body["purposes"]).items()}
    assert purposes == {"Car": (3, "33.33"), "Boat": (2, None)}
    assert by_name(body["purposes"])["Car"]["amounts_unknown"] == 1
    assert {name: one["loans"] for name, one in by_name(body["terms"]).items()} == {"Short Term": 4, "Long Term": 1}
    bands = {name: (one["loans"], one["default_rate_percent"]) for name, one in by_name(body["bands"]).items()}
    assert bands == {"Below 580": (2, "100.00"), "740 to 799": (2, "0.00"), "No score": (1, "0.00")}
    assert (body["total"]["loans"], body["total"]["default_rate_percent"]) == (5, "33.33")
    assert (body["currency"], body["other_currencies"]) == ("USD", ["EUR"])
    assert as_mona.get(path, {"currency": "EUR"}).json()["total"]["loans"] == 1


@pytest.mark.django_db
def test_exposure_is_what_can_be_lost_and_what_is_promised(loans, path, as_mona):
    good, bad = loans

    exposure = as_mona.get(path).json()["exposure"]

    assert {name: exposure[name] for name in ("active", "pending", "credit_lines", "undrawn", "deposits")} == {
        "active": "40.00",
        "pending": "7.00",
        "credit_lines": "90.00",
        "undrawn": "50.00",
        "deposits": "0.00",
    }
    assert exposure["largest"] == [
        {"customer": str(good.customer_id), "name": "Ana Silva", "outstanding": "40.00", "share_percent": "100.00"}
    ]
    assert bad.credit_line is None


@pytest.mark.django_db
def test_a_bank_without_loans_has_figures_too(path, as_mona):
    body = as_mona.get(path).json()

    assert (body["total"]["loans"], body["total"]["default_rate_percent"], body["purposes"]) == (0, None, [])
    assert "There are no loans." in as_mona.get(f"{path}chart.svg").text


@pytest.mark.django_db
def test_rare_purposes_are_one_group_and_cost_no_more(mona, path, as_mona):
    account = make_account(mona)
    common = {"account": account, "bank": account.bank, "door": "manager", "currency": "USD", "recorded": True}
    common |= {"state": "paid", "loan_status": "Fully Paid", "current_loan_amount": 5, "outstanding": 0}
    Loan.objects.bulk_create(
        [Loan(**common, purpose=f"Purpose {number:02}") for number in range(25) for _ in range(1 + (number < 20))]
    )
    as_mona.get(path)

    with CaptureQueriesContext(connection) as queries:
        purposes = as_mona.get(path).json()["purposes"]

    assert [purposes[0]["name"], purposes[-1]["name"], purposes[-1]["loans"]] == ["Purpose 00", "Other purposes", 5]
    assert (len(purposes), len(queries) <= 7) == (21, True)


@pytest.mark.django_db
@pytest.mark.parametrize("chart", ["", "?chart=state", "?chart=purpose", "?chart=term", "?chart=score"])
def test_a_picture_stands_alone_and_says_what_it_shows(chart, loans, path, as_mona):
    answer = as_mona.get(f"{path}chart.svg{chart}", HTTP_ACCEPT="image/*")

    root = ElementTree.fromstring(answer.content)  # noqa: S314 - ours
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    assert tags == {"svg", "title", "desc", "style", "text", "rect", "g", "line"}
    assert root.attrib["aria-labelledby"] == "title desc"
    assert root.find(f"{SVG}title").text.startswith("First: loans by ")
    rows = root.findall(f"{SVG}g")
    assert root.find(f"{SVG}desc").text == "; ".join(row.find(f"{SVG}title").text for row in rows)
    assert "http" not in answer.text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.django_db
def test_what_people_wrote_cannot_break_out_of_a_picture(mona, path, as_mona):
    make_loan(mona, purpose="<script>alert('x')</script>\x01&")

    answer = as_mona.get(f"{path}chart.svg")

    assert "<script" not in answer.text
    assert "alert" in ElementTree.fromstring(answer.content).find(f"{SVG}desc").text  # noqa: S314 - ours


@pytest.mark.django_db
def test_the_figures_are_the_managers_and_the_auditors(path, otto, make_user, client_of):
    """Staff alone sees nothing of what is in a bank (S0-B7)."""
    who = {"other": otto, "staff": make_user(is_superuser=True, is_staff=True), "auditor": make_user("AUDITOR")}

    assert {name: client_of(user).get(path).status_code for name, user in who.items()} == {
        "other": 404,
        "staff": 404,
        "auditor": 200,
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("tail", "field"),
    [("?currency=usd", "currency"), ("chart.svg?chart=pie", "chart"), ("chart.svg?currency=x", "currency")],
)
def test_what_there_is_no_figure_of_is_400(tail, field, path, as_mona):
    answer = as_mona.get(f"{path}{tail}")

    assert (answer.status_code, list(answer.json()), Account.objects.count()) == (400, [field], 0)
