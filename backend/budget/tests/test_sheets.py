"""Reading tables of entries: whatever banks and spreadsheets write, and no bad line takes another one along."""

import uuid

import pytest

from backend.budget.sheets.entries import BadLine, EntryReader, Places, SheetEntry
from backend.budget.sheets.export import csv_pieces
from backend.budget.sheets.layout import Layout, detect
from backend.budget.sheets.lines import LINE_MAX, OPEN_QUOTE, TOO_LONG, decoded, records
from backend.budget.sheets.values import read_amount, read_moment, read_time

FOOD, OTHER, PAY, EXTRA, GROCERIES, REST = (uuid.UUID(int=number) for number in range(6))
PLACES = Places(
    categories={("expense", "food"): FOOD, ("expense", "other expenses"): OTHER, ("income", "salary"): PAY},
    subcategories={(FOOD, "groceries"): GROCERIES, (FOOD, "other"): REST, (OTHER, "other"): REST},
    fallback={"expense": (OTHER, REST), "income": (EXTRA, None)},
)


def read(text: str | bytes, **changes):
    """Return what a whole file becomes, with the layout found in it."""
    body = text.encode() if isinstance(text, str) else text
    layout, _ = detect(body)
    reader = EntryReader(layout.changed(**changes), PLACES)
    return list(reader.read(records([body], reader.layout.delimiter)))


def shown(found):
    return [(one.line, one.kind, one.title, one.amount, one.creation_date) for one in found]


def test_our_own_export_is_read_back_whole():
    row = (
        "2026-03-05",
        "08:30:00",
        uuid.uuid4(),
        "expense",
        '=1+1, "quoted"',
        "two\nlines",
        "7.50",
        "Food",
        "Groceries",
    )
    income = ("2026-03-06", "00:00:00", uuid.uuid4(), "income", "'@Pay", "", "9.00", "Salary", "")
    text = b"".join(csv_pieces([[row], [income]]))

    assert b"'=1+1" in text
    assert b"''@Pay" in text
    assert read(text) == [
        SheetEntry(
            2, "expense", '=1+1, "quoted"', "two\nlines", "7.50", "2026-03-05", "08:30:00", str(FOOD), str(GROCERIES)
        ),
        SheetEntry(4, "income", "'@Pay", "", "9.00", "2026-03-06", "00:00:00", str(PAY), None),
    ]


def test_a_bank_file_with_a_preamble_semicolons_and_commas():
    text = (
        "Kontonummer;DE02 1234\r\n"
        "\r\n"
        "Buchungstag;Auftraggeber / Empfänger;Verwendungszweck;Betrag (EUR)\r\n"
        "28.02.2026;Bäckerei;Brot;-1.234,50\r\n"
        "01.03.2026;Arbeit GmbH;Lohn;2.500,00\r\n"
    )

    layout, _ = detect(text.encode())

    assert (layout.delimiter, layout.header_line, layout.decimal, layout.date_format) == (";", 3, ",", "DD.MM.YYYY")
    assert layout.columns == {"date": 0, "title": 1, "description": 2, "amount": 3}
    assert shown(read(text)) == [
        (4, "expense", "Bäckerei", "1234.50", "2026-02-28"),
        (5, "income", "Arbeit GmbH", "2500.00", "2026-03-01"),
    ]


def test_columns_without_known_names_are_guessed_by_what_they_hold():
    rows = "".join(f"x{n},2026-01-{n:02},Shop number {n},{n}.50\n" for n in range(1, 13))

    layout, sample = detect(rows.encode())

    assert layout.columns == {"date": 1, "amount": 3, "title": 2}
    assert (layout.header_line, len(sample), layout.missing) == (0, 10, [])
    assert len(read(rows)) == 12


def test_dates_that_can_mean_two_things_say_so():
    """Until a day above 12 tells which it is."""
    open_question, _ = detect(b"date,title,amount\n01/02/2026,a,1.00\n03/04/2026,b,2.00\n")
    settled, _ = detect(b"date,title,amount\n01/02/2026,a,1.00\n03/14/2026,b,2.00\n")

    assert open_question.date_formats_possible == ["DD/MM/YYYY", "MM/DD/YYYY"]
    assert (settled.date_format, settled.date_formats_possible) == ("MM/DD/YYYY", ["MM/DD/YYYY"])


def test_two_columns_of_amounts():
    found = read("Date,Name,Paid out,Paid in\n2026-01-01,Shop,5.00,\n2026-01-02,Job,,70.00\n2026-01-03,None,,\n")

    assert shown(found[:2]) == [
        (2, "expense", "Shop", "5.00", "2026-01-01"),
        (3, "income", "Job", "70.00", "2026-01-02"),
    ]
    assert found[2] == BadLine(4, "Either the debit or the credit must have an amount.")


BAD = [
    ("2026-02-30,Shop,1.00,Food,", "no date"),
    ("2026-02-28,Shop,1.001,Food,", "two decimal places"),
    ("2026-02-28,Shop,0.00,Food,", "zero"),
    ("2026-02-28,Shop,NaN,Food,", "no amount"),
    ("2026-02-28,Shop,100000000,Food,", "no amount"),
    ("2026-02-28,Shop,,Food,", "no amount"),
    ("2026-02-28, ,1.00,Food,", "no title"),
    ("2026-02-28,Shop,1.00,Foot,", "called “Foot”"),
    ("2026-02-28,Shop,1.00,Food,Cake", "called “Cake”"),
    ("2026-02-28,Shop,1.00,Food", "4 columns instead of 5"),
    ("2026-02-28,Shop,1.00,Food,Groceries,more", "6 columns instead of 5"),
    ("2026-02-28,\x00,1.00,Food,", "NUL"),
    ('2026-02-28,"Shop,1.00,Food,', OPEN_QUOTE),
    ("x" * (LINE_MAX + 1), TOO_LONG),
]


@pytest.mark.parametrize(("line", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_line_in_the_middle_is_reported_and_the_rest_is_read(line, reason):
    head, good = "date,title,amount,category,subcategory\n", "2026-01-01,Shop,1.00,Food,Groceries\n"

    found = read(head + good * 3 + line + "\n" + good * 3)

    assert [one.line for one in found] == [2, 3, 4, 5, 6, 7, 8]
    assert [one for one in found if isinstance(one, BadLine)] == [found[3]]
    assert reason in found[3].reason


def test_unknown_categories_can_go_where_everything_else_goes():
    text = "date,title,amount,category,subcategory\n2026-01-01,a,1.00,Foot,\n2026-01-01,b,1.00,Food,Cake\n"

    found = read(text, unknown_categories="other")

    assert [(one.category_id, one.subcategory_id) for one in found] == [(str(OTHER), str(REST)), (str(FOOD), str(REST))]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_records_do_not_depend_on_how_a_file_is_cut_into_pieces(size):
    text = b'\xef\xbb\xbfdate,title\r\n1,"a ""b"" c"\r\n\r\n2,"d\ne"\n3,12" pizza\n4,\xe9t\xe9'
    pieces = [text[start : start + size] for start in range(0, len(text), size)]

    found = list(records(pieces, ","))

    assert [(one.line, one.last, one.fields) for one in found] == [
        (1, 1, ["date", "title"]),
        (2, 2, ["1", 'a "b" c']),
        (4, 5, ["2", "d\ne"]),
        (6, 6, ["3", '12" pizza']),
        (7, 7, ["4", "été"]),
    ]
    assert list(records(pieces, ",", after=5)) == found[3:]


def test_utf_16_of_spreadsheets_is_read():
    text = "date\ttitle\tamount\n2026-01-01\tÄpfel\t1,50\n".encode("utf-16")

    body = b"".join(decoded([text[:9], text[9:]]))

    assert shown(read(body)) == [(2, "expense", "Äpfel", "1.50", "2026-01-01")]


def test_a_file_of_nothing_has_no_layout():
    assert [detect(text) for text in (b"", b"\n\n", b"  \n")] == [(Layout(), [])] * 3


@pytest.mark.parametrize(
    ("text", "decimal", "read"),
    [
        ("12.50", ".", ("12.50", False)),
        ("-12", ".", ("12", True)),
        ("1,234.5", ".", ("1234.5", False)),
        ("1.234,50", ",", ("1234.50", False)),
        ("1 234,50 €", ",", ("1234.50", False)),
        ("1\u00a0234,50", ",", ("1234.50", False)),
        ("$ -3.00", ".", ("3.00", True)),
        ("−3.00", ".", ("3.00", True)),
        ("USD 3.00", ".", ("3.00", False)),
        ("(3.00)", ".", ("3.00", True)),
        ("3.00-", ".", ("3.00", True)),
        ("+3", ".", ("3", False)),
        ("1,23", ".", None),
        ("1.2.3", ".", None),
        ("12,34.00", ".", None),
        ("123456789.00", ".", None),
        ("1.005", ".", None),
        ("--1", ".", None),
        ("٣", ".", None),
        ("", ".", None),
        ("1e5", ".", None),
    ],
)
def test_amounts(text, decimal, read):
    assert read_amount(text, decimal) == read


@pytest.mark.parametrize(
    ("text", "date_format", "read"),
    [
        ("2024-02-29", "YYYY-MM-DD", ("2024-02-29", "")),
        ("2026-02-29", "YYYY-MM-DD", None),
        ("2026-1-2T3:04", "YYYY-MM-DD", ("2026-01-02", "03:04:00")),
        ("2026-01-02 03:04:05.678Z", "YYYY-MM-DD", ("2026-01-02", "03:04:05")),
        ("2026-01-02 25:04", "YYYY-MM-DD", None),
        ("2026-01-02x", "YYYY-MM-DD", None),
        ("05.03.26", "DD.MM.YY", ("2026-03-05", "")),
        ("3/14/2026", "MM/DD/YYYY", ("2026-03-14", "")),
        ("0000-01-01", "YYYY-MM-DD", None),
        ("20260305", "YYYYMMDD", ("2026-03-05", "")),
    ],
)
def test_dates(text, date_format, read):
    assert read_moment(text, date_format) == read


def test_times():
    assert [read_time(text) for text in ("9:05", "23:59:59", "24:00", "12:60", "noon")] == [
        "09:05:00",
        "23:59:59",
        None,
        None,
        None,
    ]
