"""Lists of one's own entries: bounds of date, time and amount (S1-B11), search, order, pages."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.budget.models import SubCategory
from backend.budget.selectors import entries as reading
from backend.budget.services import entries
from backend.budget.tests.factories import EXPENSES, INCOMES, make_expense, make_income, salary, today
from backend.identity.principals import principal_of

pytestmark = pytest.mark.django_db


def titles(client, query: str = "", url: str = EXPENSES) -> list[str]:
    answer = client.get(f"{url}?{query}")
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()]


@pytest.fixture
def days(make_user, client_of):
    """A client with an expense at both ends of 1 March 2026, one in the future, and one on a leap day."""
    user = make_user()
    make_expense(user, title="leap", creation_date=date(2024, 2, 29), creation_time=time(12))
    make_expense(user, title="first", creation_date=date(2026, 3, 1), creation_time=time(0))
    make_expense(user, title="last", creation_date=date(2026, 3, 1), creation_time=time(23, 59, 59))
    make_expense(user, title="tomorrow", creation_date=today() + timedelta(days=1), creation_time=time(0))
    make_expense(make_user(), title="another's")
    return client_of(user)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["tomorrow", "last", "first", "leap"]),
        ("start_date=&end_date=", ["tomorrow", "last", "first", "leap"]),
        ("start_date=2026-03-01", ["last", "first"]),
        ("start_date=2024-02-29", ["last", "first", "leap"]),
        ("end_date=2026-03-01", ["last", "first", "leap"]),
        ("end_date=9999-12-31", ["tomorrow", "last", "first", "leap"]),
        ("start_date=2026-03-01&end_date=2026-03-01", ["last", "first"]),
        ("start_date=2024-02-29&end_date=2024-02-29", ["leap"]),
        ("start_date=2026-03-02&end_date=2026-03-02", []),
        ("start_time=12:00:00", ["last", "leap"]),
        ("end_time=12:00:00", ["tomorrow", "first", "leap"]),
        ("start_time=00:00:00&end_time=00:00:00", ["tomorrow", "first"]),
        ("start_time=23:59:59&end_time=23:59:59", ["last"]),
        ("start_time=01:00:00&end_time=13:00:00", ["leap"]),
        ("start_date=2026-03-01&end_date=2026-03-01&end_time=10:00:00", ["first"]),
    ],
)
def test_dates_bound_days_and_times_bound_every_day(days, query, found):
    """S1-B11: inclusive; the end is today if only the start is given; without any bound the future shows, too."""
    assert titles(days, query) == found


def test_the_end_that_is_not_given_is_today_and_not_an_older_today(days, monkeypatch):
    """BUG-S1-19: nothing keeps an old midnight."""
    assert titles(days, "start_date=2026-03-01") == ["last", "first"]

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(days=1)

    monkeypatch.setattr("backend.budget.api.filters.datetime", Tomorrow)

    assert titles(days, "start_date=2026-03-01") == ["tomorrow", "last", "first"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start_date=2026-03-02&end_date=2026-03-01", "start_date"),
        ("start_date=9999-01-01", "start_date"),
        ("start_time=10:00:01&end_time=10:00:00", "start_time"),
        ("min_amount=2&max_amount=1", "min_amount"),
        ("start_date=2026-02-29", "start_date"),
        ("start_date=2026-2-1", "start_date"),
        ("end_date=01.02.2026", "end_date"),
        ("end_date=20260201", "end_date"),
        ("start_time=10:00", "start_time"),
        ("end_time=25:00:00", "end_time"),
        ("end_time=%00", "end_time"),
        ("min_amount=NaN", "min_amount"),
        ("max_amount=-1", "max_amount"),
        ("max_amount=1.005", "max_amount"),
        ("category=food", "category"),
        ("subcategory=1", "subcategory"),
        ("q=%00", "q"),
        ("q=" + "x" * 101, "q"),
        ("ordering=user", "ordering"),
        ("cursor=&page_size=0", "page_size"),
        ("cursor=&page_size=1001", "page_size"),
        ("cursor=x", "cursor"),
        ("cursor=%F0%9F%8D%9E", "cursor"),
        ("cursor=WyItY3JlYXRpb25fZGF0ZSIsMSwyLDNd", "cursor"),
        ("cursor=WyItY3JlYXRpb25fZGF0ZSIsIjIwMjYtMDItMzAiLCIwMDowMDowMCIsIjEiXQ", "cursor"),
    ],
)
def test_what_cannot_be_a_bound_is_refused(days, query, field):
    """E-S1-9: 400 that names it."""
    answers = [days.get(f"{url}?{query}") for url in (EXPENSES, INCOMES)]

    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, [field])] * 2


def test_amounts_categories_and_words_narrow_a_list(make_user, client_of):
    user = make_user()
    client = client_of(user)
    make_expense(user, title="Bread", description="50% off", amount=Decimal("2.00"))
    make_expense(user, title="100_percent", description="BREAD again", amount=Decimal("3.50"))
    rent = reading_place("Rent")
    make_expense(user, title="Rent", amount=Decimal("900.00"), category_id=rent.category_id, subcategory_id=rent.pk)
    make_income(user, title="Pay")

    assert titles(client, "min_amount=2&max_amount=3.50&ordering=amount") == ["Bread", "100_percent"]
    assert titles(client, f"category={rent.category_id}") == ["Rent"]
    assert titles(client, f"subcategory={rent.pk}") == ["Rent"]
    assert titles(client, "q=bread&ordering=title") == ["100_percent", "Bread"]
    assert titles(client, "q=0%25") == ["Bread"]
    assert titles(client, "q=_") == ["100_percent"]
    assert titles(client, "q='; DROP TABLE budget_entry; --") == []
    assert titles(client, f"category={salary().pk}", INCOMES) == ["Pay"]


@pytest.mark.parametrize("ordering", reading.ORDERINGS)
def test_pages_give_each_entry_once_in_the_lists_order(make_user, client_of, ordering):
    """Also where many are equal, and while others are added and deleted."""
    user = make_user()
    client = client_of(user)
    for number in range(23):
        make_expense(
            user,
            title=f"x{number % 3}",
            amount=Decimal(number % 4 + 1),
            creation_date=date(2026, 1, number % 2 + 1),
        )
    whole = client.get(f"{EXPENSES}?ordering={ordering}").json()
    seen, cursor = [], ""
    while cursor is not None:
        page = client.get(EXPENSES, {"ordering": ordering, "cursor": cursor, "page_size": 5}).json()
        seen += page["results"]
        cursor = page["next"]
        entries.delete_entry(actor=principal_of(user), kind="expense", entry_id=page["results"][-1]["id"])

    assert seen == whole
    assert len({row["id"] for row in seen}) == 23


def test_a_cursor_belongs_to_its_ordering(days):
    cursor = days.get(f"{EXPENSES}?cursor=&page_size=2").json()["next"]

    answer = days.get(f"{EXPENSES}?cursor={cursor}&ordering=title")

    assert (answer.status_code, list(answer.json())) == (400, ["cursor"])


def test_the_whole_list_is_bounded_and_says_where_the_rest_is(days, monkeypatch):
    monkeypatch.setattr("backend.budget.api.entries.reading.LIST_MAX", 2)

    whole = days.get(f"{EXPENSES}?end_date=9999-12-31")

    link, _, relation = whole.headers["Link"].partition(">; ")
    query = parse_qs(urlsplit(link.lstrip("<")).query)
    rest = days.get(EXPENSES, {name: values[0] for name, values in query.items()})
    assert [row["title"] for row in whole.json()] == ["tomorrow", "last"]
    assert relation == 'rel="next"'
    assert [row["title"] for row in rest.json()["results"]] == ["first", "leap"]
    assert "Link" not in days.get(f"{EXPENSES}?end_date=2024-03-01").headers


def reading_place(name: str) -> SubCategory:
    return SubCategory.objects.get(name=name)
