"""Made-up loans: the columns and the oddities of the published set, and nothing else of it."""

import csv
import json
from collections import Counter

import pytest

from ml import generate
from ml.columns import COLUMNS, SHIPPED
from ml.training import notebook
from ml.training.generator import write_loans
from ml.training.loans import clean, read_loans
from ml.training.params import Params


def test_the_oddities_are_there_and_tell_what_they_tell_in_life(tmp_path):
    path = tmp_path / "loans.csv"
    assert write_loans(path, 4000, seed=7) == 4000
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0]) == list(COLUMNS)
    assert sum(not any(row.values()) for row in rows) == 20
    known = [row for row in rows if any(row.values())]
    placeholders = [row["Loan Status"] for row in known if row["Current Loan Amount"] == "99999999"]
    tenfold = [row["Loan Status"] for row in known if row["Credit Score"] and float(row["Credit Score"]) > 850]
    assert len(placeholders) > 300
    assert set(placeholders) == {"Fully Paid"}
    assert len(tenfold) > 120
    assert set(tenfold) == {"Charged Off"}
    assert {"NA", ""} < {row["Months since last delinquent"] for row in known}
    assert {"n/a", ""} < {row["Years in current job"] for row in known}
    assert {"HaveMortgage", "Have Mortgage"} < {row["Home Ownership"] for row in known}
    repeats = [identifier for identifier, number in Counter(row["Loan ID"] for row in known).items() if number > 1]
    assert repeats
    assert {row["Loan Status"] for row in known if row["Loan ID"] in repeats} == {"Fully Paid"}
    assert len({row["Customer ID"] for row in known}) < len({row["Loan ID"] for row in known})
    assert 0.6 < sum(row["Credit Score"] != "" for row in known) / len(known) < 0.9
    clean(read_loans(path), Params())


def test_a_seed_gives_one_file_and_outcomes_can_be_left_out(tmp_path, capsys):
    files = [tmp_path / name for name in ("one.csv", "two.csv", "three.csv")]
    for path, seed in zip(files, ("1", "1", "2"), strict=True):
        assert generate.main(["--rows", "300", "--out", str(path), "--seed", seed]) == 0
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()
    assert generate.main(["--rows", "50", "--out", str(tmp_path / "x" / "bare.csv"), "--unlabelled"]) == 0
    assert not read_loans(tmp_path / "x" / "bare.csv", labelled=False).labelled
    capsys.readouterr()
    assert generate.main(["--rows", "0", "--out", str(files[0])]) == 2
    assert capsys.readouterr().err == "ml.generate: --rows must be at least 1, not 0\n"


def test_the_notebook_runs_and_shows_what_its_cells_print_now(capsys):
    path = SHIPPED.parent / "train_model.ipynb"
    kept = json.loads(path.read_text())
    assert notebook.main([str(path)]) == 0
    printed = capsys.readouterr().out
    shown = [line for cell in kept["cells"] for out in cell.get("outputs", []) for line in out["text"]]
    assert "".join(shown).split() == printed.split()
    assert json.loads(path.read_text()) == kept


def test_a_cell_that_fails_fails_the_notebook():
    cell = {"cell_type": "code", "source": ["print('before')\n", "1 / 0"]}
    with pytest.raises(ZeroDivisionError):
        notebook.execute({"cells": [cell]})
