"""What the lines of a bank's book are (S0-O6, S0-M3a, S0-M3b): no database."""

import random
from datetime import date

import pytest

from backend.banking.loads.book import CUSTOMER, LINE_MAX, READERS, BookRow, Header, Layout, read
from backend.banking.loads.cells import NULL
from backend.banking.loads.lines import BadLine, Lines, NotText, Splitter
from backend.banking.loads.persons import Persons, bank_name
from backend.banking.tests.book_files import COLUMNS, ROW, book, line


def outcomes(content, *, is_undecided=False):
    lines = iter(Lines([content], longest=LINE_MAX))
    layout = Layout.of(next(lines)[1], is_undecided=is_undecided)
    return list(read(lines, layout))


def cell(name, text):
    try:
        return READERS[name](text)
    except ValueError as fault:
        return fault


def test_a_row_is_read_as_copy_takes_it():
    (row,) = outcomes(book([line()]))

    customer = "709\t1167493\t8 years\tHome Mortgage\t17.2\t6\t1\t1\t0"
    account = f"5214.74\t228190\t416746\t{NULL}"
    assert row == BookRow(2, customer, account, "445412", "Short Term", "Home Improvements", "Fully Paid")


@pytest.mark.parametrize("content", ["{}", "\ufeff{}", '"{}"'])
def test_byte_order_marks_and_quotes_are_understood(content):
    head = ",".join(COLUMNS) if content != '"{}"' else ",".join(f'"{name}"' for name in COLUMNS)
    row = ",".join(f'"{cell}"' for cell in line().split(",")) if content == '"{}"' else line()
    text = content.format(head) if content != '"{}"' else head

    assert outcomes(f"{text}\r\n{row}\r\n".encode()) == outcomes(book([line()]))


def test_columns_may_come_in_another_order_among_others_and_without_ids():
    columns = sorted([*ROW, "Branch"])

    assert outcomes(book([line(columns, Branch="12")], columns)) == outcomes(book([line()]))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (("Term", *COLUMNS), "'Term' stands in the first line twice"),
        (COLUMNS[:-2], "names no 'Bankruptcies', 'Tax Liens'"),
        (tuple(name for name in COLUMNS if name != "Loan Status"), "names no 'Loan Status'"),
        ((), "names no 'Credit Score'"),
        (('"open',), "no line of a CSV file"),
    ],
)
def test_a_first_line_that_does_not_fit_is_refused_in_words(columns, words):
    with pytest.raises(Header, match=words):
        outcomes(book([line()], columns))


@pytest.mark.parametrize("text", ["", "NA", "n/a", "nan", "NULL", "None"])
def test_missing_cells_are_null(text):
    (row,) = outcomes(book([line(**{name.replace(" ", "_"): text for name in CUSTOMER})]))

    assert row.customer == "\t".join([NULL] * 9)


@pytest.mark.parametrize("blank", ["," * 18, "NA" + ",NA" * 18, "", "   ", ", ,n/a" + "," * 16, '""' + "," * 18])
def test_rows_without_anything_are_passed_over(blank):
    found = outcomes(book([line(), blank, line()]))

    assert [type(one) for one in found] == [BookRow, type(None), BookRow]
    assert found[2].line == 4


@pytest.mark.parametrize(
    ("name", "text", "stored"),
    [
        ("Credit Score", "7340", "7340"),  # Ten times too large, as published: it is data.
        ("Credit Score", "734.0", "734.0"),
        ("Current Loan Amount", "99999999", "99999999"),
        ("Current Loan Amount", "0.01", "0.01"),
        ("Current Loan Amount", "+0012.500", "12.50"),
        ("Monthly Debt", "1000000", "1000000"),
        ("Monthly Debt", "999999999999999999.99", "999999999999999999.99"),
        ("Number of Open Accounts", "11.0", "11"),
        ("Number of Open Accounts", "2147483647", "2147483647"),
        ("Annual Income", "9223372036854775807", "9223372036854775807"),
        ("Home Ownership", "HaveMortgage", "Have Mortgage"),
        ("Home Ownership", "have mortgage", "Have Mortgage"),
        ("Years in current job", "10+ years", "10+ years"),
        ("Years in current job", "< 1 year", "< 1 year"),
        ("Term", "long term", "Long Term"),
        ("Purpose", "small_business", "small_business"),
        ("Purpose", "a\\b", "a\\\\b"),
    ],
)
def test_cells_that_are_good(name, text, stored):
    assert cell(name, text) == stored


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Credit Score", "-1", "is no number"),
        ("Credit Score", "abc", "'abc' is no number"),
        ("Credit Score", "1,5", "is no number"),
        ("Credit Score", "1e3", "is no number"),
        ("Credit Score", "٣", "is no number"),
        ("Credit Score", "1.234", "more than two places"),
        ("Credit Score", "10000000000000000000000", "more than 18 digits"),
        ("Years of Credit History", "1000", "more than 3 digits"),
        ("Number of Open Accounts", "1.5", "is no whole number"),
        ("Number of Open Accounts", "2147483648", "is above"),
        ("Annual Income", "9223372036854775808", "is above"),
        ("Current Loan Amount", "", "is missing"),
        ("Current Loan Amount", "0", "must be more than 0"),
        ("Current Loan Amount", "0.00", "must be more than 0"),
        ("Term", "NA", "is missing"),
        ("Term", "Medium", "'Medium' is none of Short Term, Long Term"),
        ("Home Ownership", "Tent", "is none of Rent, "),
        ("Years in current job", "11 years", "is none of < 1 year, "),
        ("Purpose", "", "is missing"),
        ("Purpose", "x" * 256, "longer than 255"),
        ("Purpose", "a\x07b", "cannot be printed"),
    ],
)
def test_cells_that_are_bad_are_named_in_words(name, text, words):
    fault = cell(name, text)

    assert isinstance(fault, ValueError)
    assert words in str(fault)


def test_bad_lines_are_named_by_number_and_take_no_other_along():
    content = book(
        [
            line(),
            line(Credit_Score="abc", Term="Medium"),
            line() + ",more",
            line(Purpose='"open'),
            line(Purpose='"a" b'),
            "x" * (LINE_MAX + 1),
            line(Loan_Status=""),
            line(Loan_Status="Late"),
            line(Purpose="é"),
            line(),
        ]
    )
    content = content.replace("é".encode(), b"\xe9")

    found = {one.line: one.fault for one in outcomes(content) if isinstance(one, BadLine)}

    assert found == {
        3: {"Credit Score": ["'abc' is no number"], "Term": ["'Medium' is none of Short Term, Long Term"]},
        4: "it has 20 cells, the first line 19.",
        5: "a quote is opened and not closed.",
        6: "a quote stands inside of a cell.",
        7: f"it is longer than {LINE_MAX} bytes.",
        8: {"Loan Status": ["is missing"]},
        9: {"Loan Status": ["'Late' is none of Fully Paid, Charged Off"]},
        10: "it is not UTF-8 text.",
    }


def test_without_a_status_a_loan_may_be_undecided():
    columns = [name for name in COLUMNS if name != "Loan Status"]

    (without,) = outcomes(book([line(columns)], columns), is_undecided=True)
    (with_blank,) = outcomes(book([line(Loan_Status="")]), is_undecided=True)

    assert without == with_blank
    assert without.status == NULL


def test_lines_know_how_far_they_are_wherever_pieces_break():
    """What was handed out ends at `position`, so that going on from there misses nothing and repeats nothing."""
    content = b"\xef\xbb\xbfone\r\n\n" + b"y" * 40 + b"\nthree," + "é".encode() * 3 + b"\nlast"
    whole = list(Lines([content], longest=20))
    assert [number for number, _ in whole] == [1, 2, 3, 4, 5]
    assert [raw for _, raw in whole] == [b"one", b"", None, "three,ééé".encode(), b"last"]
    dice = random.Random(4)
    for _ in range(200):
        cuts = sorted({0, len(content), *(dice.randrange(4, len(content)) for _ in range(5))})
        pieces = [content[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]
        lines = Lines(pieces, longest=20)
        walk, taken = iter(lines), dice.randrange(6)
        head = [next(walk) for _ in range(min(taken, 5))]
        rest = Lines([content[lines.position :]], longest=20, position=lines.position, line=lines.line)
        assert head + list(rest) == whole
        assert rest.position == len(content)


def test_zeros_at_the_beginning_are_no_text():
    with pytest.raises(NotText):
        list(Lines([b"a\x00"], longest=9))


def test_a_file_is_cut_at_ends_of_lines():
    content = b"".join(b"%d\n" % number for number in range(1000)) + b"end"
    dice = random.Random(5)
    for each in (1, 7, 100, 10**6):
        splitter, at = Splitter(each), 0
        while at < len(content):
            piece = content[at : at + dice.randrange(1, 50)]
            splitter.feed(piece)
            at += len(piece)
        parts = splitter.parts(start=2, line=1)
        assert (splitter.size, splitter.lines) == (len(content), 1000)
        assert parts[0][0] == 2
        assert parts[-1][1] == len(content)
        assert all(before[1] == after[0] for before, after in zip(parts, parts[1:], strict=False))
        assert all(content[:start].count(b"\n") == number for start, _, number in parts)
        assert all(end - start >= each for start, end, _ in parts[1:-1])


def test_people_are_made_up_and_always_the_same():
    made, again, others = (
        [persons.of(number) for number in range(2000)]
        for persons in (Persons(seed * 32, date(2026, 1, 31)) for seed in (b"a", b"a", b"b"))
    )

    assert made == again
    assert made != others
    cells = [one.split("\t") for one, _, _ in made]
    assert {len(row) for row in cells} == {len(Persons.COLUMNS)}
    assert len({(row[0], row[1]) for row in cells}) > 1500
    assert all(row[2].startswith("+1-") and "-555-01" in row[2] and len(row[2]) == 15 for row in cells)
    assert all(len(row[6]) == 5 for row in cells)
    assert {True, False} == {active for _, _, active in made}
    assert {date.fromisoformat(day).year for _, day, _ in made} == set(range(1996, 2027))
    assert bank_name(b"a" * 32) == bank_name(b"a" * 32) != bank_name(b"xy")
