"""What a month came to: numbers, and the same numbers as a picture."""

from datetime import date
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from backend.budget.models import Category, SubCategory
from backend.budget.services import entries
from backend.budget.tests.factories import SUMMARY, groceries, make_expense, make_income, salary
from backend.identity.principals import principal_of

pytestmark = pytest.mark.django_db
CHART = f"{SUMMARY}chart.svg"


@pytest.fixture
def book(make_user, client_of):
    """A client whose February and March of 2026 hold something; whatever else there is must not count."""
    user = make_user()
    rent = SubCategory.objects.get(name="Rent")
    home = {"category_id": rent.category_id, "subcategory_id": rent.pk}
    make_expense(user, amount=Decimal("30.00"), creation_date=date(2026, 2, 28))
    make_expense(user, amount=Decimal("40.00"), creation_date=date(2026, 2, 1), **home)
    make_expense(user, amount=Decimal("60.00"), creation_date=date(2026, 3, 1))
    make_expense(user, amount=Decimal("15.00"), creation_date=date(2026, 3, 31))
    make_income(user, amount=Decimal("100.00"), creation_date=date(2026, 3, 15))
    make_expense(user, amount=Decimal("999.00"), creation_date=date(2026, 4, 1))
    gone = make_expense(user, amount=Decimal("999.00"), creation_date=date(2026, 3, 15))
    entries.delete_entry(actor=principal_of(user), kind="expense", entry_id=gone.pk)
    make_expense(make_user(), amount=Decimal("999.00"), creation_date=date(2026, 3, 15))
    return client_of(user)


def compared(total: str, previous: str, change: str, percent: str | None) -> dict[str, str | None]:
    return {"total": total, "previous": previous, "change": change, "change_percent": percent}


def test_a_month_is_summed_up_and_compared_with_the_one_before(book, django_assert_num_queries):
    book.get(SUMMARY)
    with django_assert_num_queries(1):
        answer = book.get(f"{SUMMARY}?month=2026-03&months=3")

    food, home = groceries().category, Category.objects.get(name="Housing")
    assert answer.status_code == 200
    assert answer.json() == {
        "month": "2026-03",
        "income": compared("100.00", "0.00", "100.00", None),
        "expense": compared("75.00", "70.00", "5.00", "7.1"),
        "balance": compared("25.00", "-70.00", "95.00", "135.7"),
        "categories": [
            {
                **compared("75.00", "30.00", "45.00", "150.0"),
                **{"category": str(food.pk), "name": "Food", "type": "expense", "hexColor": food.hex_color},
                **{"count": 2, "share_percent": "100.0"},
            },
            {
                **compared("0.00", "40.00", "-40.00", "-100.0"),
                **{"category": str(home.pk), "name": "Housing", "type": "expense", "hexColor": home.hex_color},
                **{"count": 0, "share_percent": "0.0"},
            },
            {
                **compared("100.00", "0.00", "100.00", None),
                **{"category": str(salary().pk), "name": "Salary", "type": "income", "hexColor": salary().hex_color},
                **{"count": 1, "share_percent": "100.0"},
            },
        ],
        "months": [
            {"month": "2026-01", "income": "0.00", "expense": "0.00"},
            {"month": "2026-02", "income": "0.00", "expense": "70.00"},
            {"month": "2026-03", "income": "100.00", "expense": "75.00"},
        ],
    }


def test_one_month_of_history_still_compares(book):
    found = book.get(f"{SUMMARY}?month=2026-03&months=1").json()

    assert [row["month"] for row in found["months"]] == ["2026-03"]
    assert found["expense"]["previous"] == "70.00"


@pytest.mark.parametrize("query", ["month=2026", "month=2026-13", "month=0000-01", "months=0", "months=25", "months=x"])
def test_what_is_no_month_is_refused(book, query):
    assert [book.get(f"{url}?{query}").status_code for url in (SUMMARY, CHART)] == [400, 400]


@pytest.mark.parametrize("month", ["0001-01", "9999-12"])
def test_the_first_and_last_month_of_all_are_empty(book, month):
    assert book.get(f"{SUMMARY}?month={month}&months=24").json()["expense"]["total"] == "0.00"
    assert book.get(f"{CHART}?month={month}").status_code == 200


@pytest.mark.parametrize("chart", ["months", "expenses", "incomes"])
@pytest.mark.parametrize("month", ["2026-03", "2020-01"])
def test_a_chart_is_a_picture_that_stands_alone(book, chart, month):
    answer = book.get(f"{CHART}?month={month}&chart={chart}", headers={"accept": "image/svg+xml"})

    root = ElementTree.fromstring(answer.content)
    tags = {node.tag.rpartition("}")[2] for node in root.iter() if isinstance(node.tag, str)}
    links = [value for node in root.iter() for name, value in node.attrib.items() if name.endswith("href")]
    assert (answer.status_code, answer.headers["Content-Type"], tags & {"svg", "script"}) == (
        200,
        "image/svg+xml",
        {"svg"},
    )
    assert links == []
    assert b"@import" not in answer.content
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_name_in_a_chart_is_text_and_nothing_else(make_user, client_of):
    """Staff write names; a picture is no place to run one."""
    user, bad = make_user(), "</text><script>alert(1)</script>&"
    category = Category.objects.create(name=bad, type="income", hex_color="#123456")
    make_income(user, category_id=category.pk, creation_date=date(2026, 3, 1))

    picture = client_of(user).get(f"{CHART}?month=2026-03&chart=incomes").content

    assert b"<script" not in picture
    assert "</text><script>" in "".join(ElementTree.fromstring(picture).itertext())


def test_faults_of_a_chart_are_told_as_json(book):
    answer = book.get(f"{CHART}?chart=pie", headers={"accept": "image/svg+xml"})

    assert (answer.status_code, answer.headers["Content-Type"], list(answer.json())) == (
        400,
        "application/json",
        ["chart"],
    )
