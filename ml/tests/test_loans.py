"""Reading and cleaning loan files (S0-B16): what is repaired, left out, and refused by name."""

import pytest

from ml.columns import COLUMNS
from ml.errors import BadData, LeakFound
from ml.tests.rows import loan, write_rows
from ml.training.leaks import find_leaks, refuse_leaks, refuse_odd
from ml.training.loans import check_enough, clean, read_loans
from ml.training.params import Params


def honest(number):
    """Return rows of which no column tells the outcome."""
    for place in range(number):
        status = "Charged Off" if place % 3 == 0 else "Fully Paid"
        yield loan(
            place, status, Credit_Score=str(700 + place % 40), Current_Loan_Amount=str(100_000 + 977 * (place % 91))
        )


def odd(number, status, **changed):
    """Return a row whose amount is one of those of honest rows."""
    return loan(number, status, **{"Current_Loan_Amount": str(100_000 + 977 * (number % 91)), **changed})


def cleaned(tmp_path, rows, params=None):
    return clean(read_loans(write_rows(tmp_path / "loans.csv", rows)), params or Params())


def test_words_for_missing_and_blank_rows_are_missing(tmp_path):
    rows = [loan(1, Bankruptcies="NA", Years_in_current_job="n/a", Tax_Liens=" "), dict.fromkeys(COLUMNS, ""), loan(2)]
    loans = read_loans(write_rows(tmp_path / "loans.csv", rows))
    assert loans.counts == {"rows": 2, "blank rows skipped": 1}
    assert [loans.rows[0][name] for name in ("Bankruptcies", "Years in current job", "Tax Liens")] == ["", "", ""]


def test_columns_in_another_order_and_more_of_them_are_read(tmp_path):
    path = write_rows(tmp_path / "loans.csv", [{**loan(1), "Branch": "North"}], ["Branch", *reversed(COLUMNS)])
    assert read_loans(path).rows[0] == {name: loan(1)[name] for name in COLUMNS}


def test_applications_without_outcomes_are_read_only_where_none_is_needed(tmp_path):
    path = write_rows(tmp_path / "recent.csv", [loan(1)], [name for name in COLUMNS if name != "Loan Status"])
    assert not read_loans(path, labelled=False).labelled
    with pytest.raises(BadData, match="it lacks Loan Status"):
        read_loans(path)


def test_placeholder_rows_go_scores_are_divided_and_repeats_kept_once(tmp_path):
    rows = [
        loan(1, Current_Loan_Amount="99999999"),
        loan(2, "Charged Off", Credit_Score="7120"),
        loan(3, Current_Loan_Amount="99999999"),
        loan(3, Current_Loan_Amount="250000"),
        loan(4),
        loan(4),
        loan(5, "Fully Paid"),
        loan(5, "Charged Off"),
    ]
    loans = cleaned(tmp_path, rows)
    assert [row["Loan ID"] for row in loans.rows] == ["loan-2", "loan-3", "loan-4"]
    assert loans.rows[0]["Credit Score"] == "712"
    assert loans.rows[1]["Current Loan Amount"] == "250000"
    assert loans.counts == {
        "rows": 8,
        "blank rows skipped": 0,
        "repeated loan ids removed": 2,
        "loans of two outcomes removed": 2,
        "placeholder amounts left out": 1,
        "ten-fold scores repaired": 1,
        "rows kept": 3,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (",".join(COLUMNS) + "\n", "has a header and no rows"),
        ("a,b\n1,2\n", "it lacks Loan ID, Customer ID, Loan Status"),
        (",".join((*COLUMNS, "Term")) + "\n", "columns twice: Term"),
        (",".join(COLUMNS) + "\nx,y\n", "line 2: has 2 cells, and the header 19"),
    ],
)
def test_a_file_of_another_shape_is_one_clear_line(tmp_path, text, message):
    path = tmp_path / "loans.csv"
    path.write_text(text)
    with pytest.raises(BadData, match=message) as refused:
        read_loans(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (loan(1, Monthly_Debt="much"), "line 3: Monthly Debt is no number: 'much'"),
        (loan(1, Credit_Score="inf"), "line 3: Credit Score is no number"),
        (loan(1, "Late"), "line 3: Loan Status must be one of Charged Off, Fully Paid, not 'Late'"),
        (loan(1, ""), "line 3: Loan Status must be one of"),
    ],
)
def test_a_bad_cell_is_named_with_its_line(tmp_path, row, message):
    with pytest.raises(BadData, match=message):
        read_loans(write_rows(tmp_path / "loans.csv", [loan(0), row]))


def test_a_missing_file_and_one_that_is_no_text_are_named(tmp_path):
    with pytest.raises(BadData, match="nowhere.csv: cannot be read: No such file"):
        read_loans(tmp_path / "nowhere.csv")
    (tmp_path / "picture.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BadData, match="picture.csv: is not UTF-8 text"):
        read_loans(tmp_path / "picture.csv")


def test_few_rows_one_outcome_and_rare_outcomes_are_refused(tmp_path):
    for rows, message in (
        ([loan(1), loan(2), loan(3, "Charged Off")], "3 usable rows are too few: at least 50"),
        ([loan(number) for number in range(80)], "all 80 usable rows are Fully Paid"),
        (
            [loan(number, "Charged Off" if number < 2 else "Fully Paid") for number in range(80)],
            "only 2 rows are Charged",
        ),
    ):
        with pytest.raises(BadData, match=message):
            check_enough(cleaned(tmp_path, rows), Params())


def test_honest_rows_hold_no_leak(tmp_path):
    assert find_leaks(cleaned(tmp_path, honest(600))) == []


def test_the_known_oddities_are_counted_where_they_are_not_cleaned(tmp_path):
    rows = [
        *honest(600),
        *(loan(1000 + number, Current_Loan_Amount="99999999") for number in range(90)),
        *(odd(2000 + number, "Charged Off", Credit_Score=str(7000 + 10 * (number % 40))) for number in range(70)),
    ]
    left = Params(exclude_placeholders=False, repair_scores=False)
    with pytest.raises(LeakFound) as refused:
        refuse_leaks(cleaned(tmp_path, rows, left))
    assert "the outcome is given away 160 times" in str(refused.value)
    assert "Current Loan Amount is 99999999 in 90 rows, all of them Fully Paid" in str(refused.value)
    assert "Credit Score is at least 7000 in 70 rows, all of them Charged Off" in str(refused.value)
    refuse_leaks(cleaned(tmp_path, rows))


def test_blanking_the_placeholder_cures_nothing(tmp_path):
    rows = [*honest(600), *(loan(1000 + number, Current_Loan_Amount="") for number in range(90))]
    with pytest.raises(LeakFound, match="Current Loan Amount is missing in 90 rows, all of them Fully Paid"):
        refuse_leaks(cleaned(tmp_path, rows))


def test_an_outcome_written_into_another_column_is_found(tmp_path):
    rows = [
        {**row, "Purpose": "recovery" if row["Loan Status"] == "Charged Off" else row["Purpose"]} for row in honest(600)
    ]
    with pytest.raises(LeakFound, match="Purpose is recovery in 200 rows, all of them Charged Off"):
        refuse_leaks(cleaned(tmp_path, rows))


def test_a_file_of_oddities_is_refused_with_their_counts(tmp_path):
    rows = [
        *honest(100),
        *(loan(1000 + number, Current_Loan_Amount="99999999") for number in range(90)),
        *(loan(2000 + number, "Charged Off", Credit_Score="7100") for number in range(70)),
    ]
    with pytest.raises(
        LeakFound, match="160 of 260 rows give the outcome away: 90 by the placeholder .*, 70 by a ten-fold"
    ):
        refuse_odd(read_loans(write_rows(tmp_path / "loans.csv", rows)))
