"""Whether a payee's name is right, without saying what it is; and when planned transfers are due. Mostly pure."""

import uuid
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audit.models import AuditLog
from backend.banking import recurrence
from backend.banking.models import Rhythm
from backend.banking.payees import PayeeMatch, compare
from backend.banking.tests.factories import make_account, make_customer
from backend.banking.tests.people_factories import verify

SAME = ["Ana Silva", "ana silva", "SILVA, Ana", "Ms. Ana Silva", "Ána  Sílva", "Silva Ana", "Ana-Silva"]
NEAR = ["Anna Silva", "Ana Sliva", "A. Silva", "A Silva", "Ana Silvas"]
FAR = ["Ana", "Silva", "Ana Costa", "Bruno Silva", "A. S.", "Ana Silva Costa Lima", "Bob Lopez", "", "  ", "!!!", "Dr."]


@pytest.mark.parametrize(
    ("written", "result"),
    [
        *((name, PayeeMatch.MATCH) for name in SAME),
        *((name, PayeeMatch.CLOSE) for name in NEAR),
        *((name, PayeeMatch.NONE) for name in FAR),
    ],
)
def test_a_name_matches_nearly_matches_or_does_not(written, result):
    assert compare(given=written, first_name="Ana", last_name="Silva") == result


@pytest.mark.parametrize(
    ("first", "last", "written", "result"),
    [
        ("Ana Maria", "Silva", "Ana Silva", PayeeMatch.CLOSE),
        ("Ana Maria", "Silva", "Ana M. Silva", PayeeMatch.CLOSE),
        ("Søren", "Łuczak", "Soren Luczak", PayeeMatch.MATCH),
        ("Seán", "O'Brien", "Sean OBrien", PayeeMatch.MATCH),
        ("Иван", "Петров", "иван петров", PayeeMatch.MATCH),
        ("", "Cher", "Cher", PayeeMatch.MATCH),
        ("", "", "Ana Silva", PayeeMatch.NONE),  # a partner's customer may be nameless
        ("Riverside", "Lettings", "Riverside Lettings", PayeeMatch.MATCH),
    ],
)
def test_names_of_all_kinds(first, last, written, result):
    assert compare(given=written, first_name=first, last_name=last) == result


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_no_text_is_too_strange_and_a_name_fits_itself(written, first, last):
    assert compare(given=written, first_name=first, last_name=last) in PayeeMatch
    whole = f"{first} {last}"
    own = compare(given=whole, first_name=first, last_name=last)
    assert own in {PayeeMatch.MATCH, PayeeMatch.NONE}  # none: nothing in it is a letter


@pytest.mark.django_db
def test_the_answer_is_one_of_three_words_and_an_unknown_account_is_a_wrong_name(client_of, make_user, settings):
    account = make_account(customer=make_customer(first_name="Ana", last_name="Silva"))
    client = client_of(verify(make_user()))
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "payee": (4, 3600)}

    def ask(name, number=account.account_number, bank=account.bank_id):
        body = {"bank": str(bank), "account_number": number, "name": name}
        return client.post("/api/transfers/payee/", body)

    answers = [ask("Ana Silva"), ask("A. Silva"), ask("Bob Lopez"), ask("Ana Silva", number="0")]

    assert [answer.json() for answer in answers] == [
        {"result": "match"},
        {"result": "close_match"},
        {"result": "no_match"},
        {"result": "no_match"},
    ]
    assert ask("Ana Silva", bank=uuid.uuid4()).status_code == 429
    rows = AuditLog.objects.filter(action="payee.checked")
    assert rows.count() == 4
    assert "Silva" not in "".join(str(row.facts) for row in rows)


# Days


def days(rhythm, starts_on, count):
    return [recurrence.occurrence(rhythm=rhythm, starts_on=starts_on, position=n) for n in range(count)]


def test_a_monthly_one_keeps_its_day_and_takes_the_last_where_there_is_none():
    assert days(Rhythm.MONTHLY, date(2027, 12, 31), 5) == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]
    assert days(Rhythm.MONTHLY, date(2026, 1, 30), 3) == [date(2026, 1, 30), date(2026, 2, 28), date(2026, 3, 30)]


def test_a_weekly_one_comes_each_seventh_day_and_a_single_one_once():
    assert days(Rhythm.WEEKLY, date(2026, 12, 28), 2) == [date(2026, 12, 28), date(2027, 1, 4)]
    assert days(Rhythm.ONCE, date(2026, 12, 28), 2) == [date(2026, 12, 28), None]


def test_the_end_is_a_day_that_counts_and_nothing_comes_behind_it():
    def until(ends_on):
        return recurrence.occurrence_until(
            rhythm=Rhythm.MONTHLY, starts_on=date(2026, 1, 31), ends_on=ends_on, position=1
        )

    assert [until(None), until(date(2026, 2, 28)), until(date(2026, 2, 27))] == [date(2026, 2, 28)] * 2 + [None]


@given(st.dates(date(2020, 1, 1), date(2100, 12, 31)), st.integers(0, 600))
def test_months_follow_each_other_without_a_hole(starts_on, position):
    this, following = (
        recurrence.occurrence(rhythm=Rhythm.MONTHLY, starts_on=starts_on, position=n) for n in (position, position + 1)
    )
    assert (following.year * 12 + following.month) - (this.year * 12 + this.month) == 1
    assert this.day <= starts_on.day


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("UTC", datetime(2026, 3, 29, 6, tzinfo=UTC)),
        ("Europe/Lisbon", datetime(2026, 3, 29, 5, tzinfo=UTC)),  # the day on which clocks are turned
        ("Asia/Tokyo", datetime(2026, 3, 28, 21, tzinfo=UTC)),
    ],
)
def test_it_is_tried_at_six_in_the_banks_zone(zone, moment):
    assert recurrence.moment_of(date(2026, 3, 29), time_zone=zone) == moment
