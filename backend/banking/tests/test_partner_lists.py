"""The partner door's lists: order, pages by number and by cursor, and what they cost (E-S4-13, BUG-S4-9, BUG-S4-13)."""

import pytest

from backend.banking.models import Account, Loan
from backend.banking.tests.partner_stage import Partner
from backend.common import pagination

pytestmark = pytest.mark.django_db

LISTS = ["/customers/", "/loans/", "/payments/"]


@pytest.fixture
def partner():
    """Three customers, and each of them with three loans and payments."""
    found = Partner()
    for customer in ("a", "b", "c"):
        found.customer(customer)
        for number in "123":
            found.active_loan(f"{customer}{number}", "100.00", customer=customer)
            found.pay(f"p-{customer}{number}", "150.00" if number == "3" else "50.00", customer)
    return found


def names(answer):
    return [row["external_id"] for row in answer.json()["results"]]


def test_a_page_says_where_it_stands(partner):
    """The page shape of S4.1."""
    body = partner.get("/loans/", page=2, page_size=4).json()

    assert {**body, "results": len(body["results"])} == {
        "next": "http://testserver/loans/?page=3&page_size=4",
        "previous": "http://testserver/loans/?page_size=4",
        "count": 9,
        "total_pages": 3,
        "current_page": 2,
        "results": 4,
    }


def test_lists_are_newest_first_and_pages_hold_each_row_once(partner):
    """BUG-S4-9. Also when all rows came at one moment, as a load makes them."""
    Account.objects.update(created_at=Account.objects.earliest("created_at").created_at)

    for path in LISTS:
        whole = names(partner.get(path, page_size=100))
        pages, cursor, by_cursor = [], "", []
        for number in range(1, len(whole) // 2 + 2):
            pages += names(partner.get(path, page=number, page_size=2))
        while cursor is not None:
            page = partner.get(path, cursor=cursor, page_size=2)
            by_cursor += names(page)
            cursor = page.json()["next"]
        assert pages == by_cursor == whole
        assert len(set(whole)) == len(whole) == (3 if path == "/customers/" else 9)
    newest = Loan.objects.order_by("-created_at").values_list("external_id", flat=True)
    assert names(partner.get("/loans/", page_size=100)) == list(newest)


def test_a_page_past_the_end_is_the_last_one(partner):
    """E-S4-13."""
    for path in LISTS:
        last = partner.get(path, page=999, page_size=2).json()

        assert (last["current_page"], last["next"]) == (last["total_pages"], None)
        assert len(last["results"]) == 1


def test_past_the_end_of_a_list_too_long_to_count_is_the_last_page_too(partner, monkeypatch):
    monkeypatch.setattr(pagination, "COUNT_MAX", 2)

    last = partner.get("/loans/", page=999_999, page_size=2).json()

    assert (last["current_page"], last["count"], len(last["results"]), last["count_estimated"]) == (5, 9, 1, True)


def test_a_page_has_at_most_100_rows(partner):
    """E-S4-13."""
    answer = partner.get("/loans/", page_size=1000)

    assert (answer.status_code, answer.json()["total_pages"]) == (200, 1)
    assert partner.get("/customers/", page_size=1000).json()["count"] == 3


def test_a_bad_page_is_400(partner):
    """BUG-S4-13: it is not the last page by accident."""
    bad = [("page", text) for text in ("abc", "0", "-1", "", "\u0663", "9" * 30)]
    bad += [("page_size", "abc"), ("page_size", "0"), ("cursor", "abc")]

    for path in LISTS:
        answers = {(field, text): partner.get(path, **{field: text}) for field, text in bad}
        assert {case: (one.status_code, list(one.json())) for case, one in answers.items()} == {
            (field, text): (400, [field]) for field, text in bad
        }


def test_a_list_costs_the_same_whatever_is_in_it(partner, django_assert_max_num_queries):
    """BUG-S4-9: the key, the count, the rows; for payments their details, of all in one."""
    for path, most in (("/customers/", 3), ("/loans/", 3), ("/payments/", 4)):
        for query in ({"page_size": 3}, {"page_size": 100}, {"cursor": "", "page_size": 9}):
            with django_assert_max_num_queries(most):
                assert len(names(partner.get(path, **query))) >= 3


def test_lists_are_narrowed_to_a_customer(partner):
    for path in ("/loans/", "/payments/"):
        found = partner.get(path, customer_external_id="b").json()["results"]

        assert [row["customer_external_id"] for row in found] == ["b"] * 3
        assert names(partner.get(path, customer_external_id="nobody")) == []
        assert names(partner.get(path, customer_external_id="a\x00")) == []
        assert len(names(partner.get(path, customer_external_id="b", cursor="", page_size=2))) == 2


def test_payments_show_what_went_where(partner):
    """The third payment is more than its own loan: the oldest get their rest first."""
    rows = {
        row["external_id"]: row["payment_details"] for row in partner.get("/payments/", page_size=100).json()["results"]
    }

    assert rows["p-a1"] == [{"loan_external_id": "a1", "amount": "50.00"}]
    assert rows["p-a3"] == [
        {"loan_external_id": "a2", "amount": "100.00"},
        {"loan_external_id": "a3", "amount": "50.00"},
    ]
