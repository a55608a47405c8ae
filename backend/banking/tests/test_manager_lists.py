"""Lists of the manager door: each row once, in one order, by number or by cursor, at one cost."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.banking.models import Account, Bank, Customer, Loan, Registration
from backend.banking.services import grants
from backend.banking.tests.manager_factories import make_account, make_bank, make_customer, make_loan, share
from backend.identity.principals import principal_of

ID = {"bank": "bank_id", "customer": "customer_id", "account": "account_id", "loan": "loan_id"}
KINDS = list(ID)


def ids(page: dict, kind: str) -> list[str]:
    return [row[ID[kind]] for row in page["results"]]


@pytest.fixture
def many(mona):
    """25 accounts of as many customers with a loan each, all made at one moment, as a load makes them."""
    bank = Bank.objects.get(manager=mona)
    customers = Customer.objects.bulk_create([Customer(first_name=f"A{number}") for number in range(25)])
    Registration.objects.bulk_create([Registration(bank=bank, customer=one) for one in customers])
    made = [Account(bank=bank, customer=one, account_number=str(number)) for number, one in enumerate(customers)]
    Account.objects.bulk_create(made)
    common = {"door": "manager", "current_loan_amount": 5, "outstanding": 5, "currency": "USD"}
    Loan.objects.bulk_create([Loan(account=one, bank=bank, **common) for one in made])
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    Registration.objects.update(registered_at=moment)
    Account.objects.update(created_at=moment)
    Loan.objects.update(created_at=moment)
    return bank


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["customer", "account", "loan"])
def test_pages_by_number_are_as_s0_s_clients_read_them(kind, many, as_mona):
    """S0-B6: ten to a page; BUG-S0-27: in an order of its own, so that no row is on two pages; E-S0-12."""
    first = as_mona.get(f"/api/{kind}/").json()
    second = as_mona.get(first["next"]).json()
    third = as_mona.get(second["next"]).json()

    assert (first["count"], first["previous"], third["next"]) == (25, None, None)
    assert first["next"] == f"http://testserver/api/{kind}/?page=2"
    assert (second["previous"], third["previous"]) == (
        f"http://testserver/api/{kind}/",
        f"http://testserver/api/{kind}/?page=2",
    )
    seen = ids(first, kind) + ids(second, kind) + ids(third, kind)
    assert ([len(page["results"]) for page in (first, second, third)], len(set(seen))) == ([10, 10, 5], 25)
    beyond = as_mona.get(f"/api/{kind}/?page=4")
    assert (beyond.status_code, beyond.json()["code"]) == (404, "not_found")
    assert as_mona.get(f"/api/{kind}/?page=0").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["customer", "account", "loan"])
def test_pages_by_cursor_leave_nothing_out_where_all_have_one_moment(kind, many, as_mona):
    by_number = [as_mona.get(f"/api/{kind}/?page={number}&page_size=7").json() for number in (1, 2, 3, 4)]
    page = as_mona.get(f"/api/{kind}/?cursor=&page_size=7").json()
    pages = [page]
    while page["next"]:
        page = as_mona.get(f"/api/{kind}/", {"cursor": page["next"], "page_size": 7}).json()
        pages.append(page)

    assert [row for page in pages for row in page["results"]] == [row for page in by_number for row in page["results"]]
    assert [len(page["results"]) for page in pages] == [7, 7, 7, 4]


@pytest.mark.django_db
@pytest.mark.parametrize("cursor", ["x", "IjEi", "IjIwMjYtMDEtMDIgeCI", "e30", "IjIwMjYtMDEtMDJUMDM6MDQ6MDUgeCI"])
def test_a_cursor_that_we_did_not_write_is_400(cursor, as_mona):
    answer = as_mona.get("/api/loan/", {"cursor": cursor})

    assert (answer.status_code, list(answer.json())) == (400, ["cursor"])


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("query", ["?page_size=3", "?page_size=25", "?cursor=&page_size=3", "?cursor=&page_size=25"])
def test_a_list_costs_the_same_however_long_it_is(kind, query, many, as_mona):
    as_mona.get(f"/api/{kind}/")

    with CaptureQueriesContext(connection) as queries:
        as_mona.get(f"/api/{kind}/{query}")

    assert len(queries) <= 4


@pytest.mark.django_db
def test_a_customer_with_two_accounts_and_two_banks_is_there_once(mona, otto, as_mona):
    """E-S0-6, BUG-S0-15."""
    customer, other = make_customer(mona), make_customer(mona)
    make_account(mona, customer=customer)
    make_account(mona, customer=customer)
    bank = Bank.objects.get(manager=otto)
    share(customer, bank)
    alone = as_mona.get("/api/customer/").json()
    grants.add_manager(actor=principal_of(otto), bank_id=bank.pk, email=mona.email)

    both, by_cursor = as_mona.get("/api/customer/").json(), as_mona.get("/api/customer/?cursor=&page_size=1").json()

    assert (alone["count"], ids(alone, "customer")) == (2, [str(other.pk), str(customer.pk)])
    assert (both["count"], ids(both, "customer")) == (2, [str(customer.pk), str(other.pk)])
    assert ids(by_cursor, "customer") == [str(customer.pk)]
    rest = as_mona.get("/api/customer/", {"cursor": by_cursor["next"], "page_size": 5}).json()
    assert (ids(rest, "customer"), rest["next"]) == ([str(other.pk)], None)
    assert as_mona.get(f"/api/customer/{customer.pk}/").status_code == 200


@pytest.mark.django_db
def test_what_several_banks_have_comes_in_one_order_and_by_bank(mona, otto, as_mona):
    accounts = [make_account(mona), make_account(otto), make_account(mona), make_account(otto)]
    bank = Bank.objects.get(manager=otto)
    grants.add_manager(actor=principal_of(otto), bank_id=bank.pk, email=mona.email)
    page = as_mona.get("/api/account/?cursor=&page_size=3").json()
    rest = as_mona.get("/api/account/", {"cursor": page["next"], "page_size": 3}).json()

    wanted = [str(account.pk) for account in reversed(accounts)]
    assert ids(page, "account") + ids(rest, "account") == wanted
    assert ids(as_mona.get("/api/account/").json(), "account") == wanted
    one = as_mona.get(f"/api/account/?bank={bank.pk}").json()
    assert ids(one, "account") == [str(accounts[3].pk), str(accounts[1].pk)]


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["", "?cursor="])
def test_staff_and_strangers_get_empty_lists_of_what_banks_have(query, mona, make_user, client_of):
    """E-S0-7: staff lists all banks, yet sees no customer, account or loan; S0-R13."""
    make_loan(mona)

    for user in (make_user(is_staff=True, is_superuser=True), make_user("AUDITOR", "BANK_ADMIN"), make_user()):
        pages = [client_of(user).get(f"/api/{kind}/{query}") for kind in ("customer", "account", "loan")]
        assert [(page.status_code, page.json()["results"]) for page in pages] == [(200, [])] * 3


@pytest.mark.django_db
@pytest.mark.parametrize("tail", ["", "/"])
def test_loans_of_an_account_also_as_the_documents_print_it(tail, mona, otto, as_mona):
    """S0-R19: with the slash inside the query; of another bank's account, an empty page."""
    loan, other, theirs = make_loan(mona), make_loan(mona), make_loan(otto)

    found = as_mona.get(f"/api/loan/?account={loan.account_id}{tail}").json()
    paged = as_mona.get(f"/api/loan/?account={loan.account_id}{tail}&cursor=").json()
    foreign = as_mona.get(f"/api/loan/?account={theirs.account_id}{tail}")

    assert (ids(found, "loan"), ids(paged, "loan"), other.pk != loan.pk) == ([str(loan.pk)], [str(loan.pk)], True)
    assert (foreign.status_code, foreign.json()["count"]) == (200, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/loan/?account=x", "account"),
        ("/api/loan/?account=123//", "account"),
        ("/api/account/?customer=x", "customer"),
        ("/api/customer/?bank=x", "bank"),
    ],
)
def test_what_is_no_uuid_is_400(path, field, as_mona):
    """E-S0-8, BUG-S0-27."""
    answer = as_mona.get(path)

    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.django_db
def test_many_rows_are_counted_up_to_a_bound_and_estimated_beyond(monkeypatch, many, as_mona):
    """design.md section 9."""
    monkeypatch.setattr("backend.common.pagination.COUNT_MAX", 20)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE banking_loan")

    page = as_mona.get("/api/loan/").json()

    assert (page["count_estimated"], page["count"] >= 20) == (True, True)
    assert "count_estimated" not in as_mona.get("/api/bank/").json()


@pytest.mark.django_db
def test_a_newer_row_does_not_move_what_was_read(mona, make_user, as_mona):
    first, second = make_account(mona), make_account(mona)
    page = as_mona.get("/api/account/?cursor=&page_size=1").json()
    make_account(mona)
    make_bank(make_user())

    rest = as_mona.get("/api/account/", {"cursor": page["next"]}).json()

    assert (ids(page, "account"), ids(rest, "account")) == ([str(second.pk)], [str(first.pk)])
