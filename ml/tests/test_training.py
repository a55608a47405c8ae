"""Training (S0-B13, B14, BUG-S0-30, K-77): one command, the same file gives the same model, and nobody is fooled."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ml import drift, evaluate, train
from ml.columns import SHIPPED
from ml.errors import BadData, LeakFound
from ml.inference import artefact, load
from ml.tests.rows import loan, write_rows
from ml.training import pipeline
from ml.training.candidates import Candidate, candidates
from ml.training.loans import clean, customers, read_loans
from ml.training.measures import calibration_error, measure
from ml.training.params import Params, read_params
from ml.training.validation import choose, folds_by_customer


def test_training_writes_artefact_card_and_pictures(trained):
    assert sorted(path.name for path in trained.out.rglob("*") if path.is_file()) == [
        "MODEL_CARD.md",
        "calibration.png",
        "loan_status.model",
        "pr.png",
        "roc.png",
        "shap.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in trained.out.glob("plots/*.png"))
    card = (trained.out / "MODEL_CARD.md").read_text()
    data = trained.done.card["data"]
    for told in (
        trained.done.model.version,
        data["sha256"],
        "ROC-AUC",
        "±",
        "Platt",
        "made-up loans",
        "seed",
        "catboost 1.",
    ):
        assert told in card
    assert data["counts"]["placeholder amounts left out"] > 100
    assert data["counts"]["rows kept"] == sum(data["outcomes"].values())
    assert all(group["rows"] >= 50 for group in trained.done.card["groups"])
    assert "placeholder amounts left out" in trained.said[0]


def test_the_artefact_holds_no_row_of_its_data(trained, loans_file):
    header, _, _ = artefact.read(trained.done.path)
    text = json.dumps(header.__dict__) + (trained.out / "MODEL_CARD.md").read_text()
    for row in read_loans(loans_file).rows:
        assert row["Loan ID"] not in text
        assert row["Customer ID"] not in text


def test_no_customer_is_on_both_sides_of_a_fold(loans_file):
    loans = clean(read_loans(loans_file), Params())
    whose = np.array(customers(loans))
    assert len(set(whose)) < len(whose), "nobody has two loans"
    for learn, judge in folds_by_customer(np.array(loans.outcomes()), list(whose), 5, 10):
        assert not set(whose[learn]) & set(whose[judge])


def test_probabilities_are_calibrated_and_the_threshold_follows_from_the_cost(trained, quick):
    model = trained.done.model
    assert model.threshold == pytest.approx(quick.cost_of_loss / (1 + quick.cost_of_loss))
    outcomes = trained.done.card["threshold"]["outcomes"]
    assert outcomes["cost a loan"] < min(outcomes["cost a loan, yes to all"], outcomes["cost a loan, no to all"])
    dear = Params(cost_of_loss=3.0)
    assert dear.threshold == 0.75


def one_that_says(name, raw):
    """Return a candidate whose raw scores are made up."""
    return Candidate(name, lambda rows, paid: None, lambda model, rows: raw(rows), lambda model: b"")


@pytest.mark.parametrize(("lead", "chosen"), [(0.0, "catboost"), (-0.2, "catboost"), (0.2, "lightgbm")])
def test_a_tie_ships_catboost_and_a_clear_lead_wins(lead, chosen):
    """BUG-S0-30: the reference shipped the one that its own scoring ranked lower."""
    random = np.random.default_rng(1)
    paid = np.arange(1000) % 2
    noise = random.normal(0, 1, 1000)
    rows = np.column_stack([noise + 0.5 * paid, noise + (0.5 + lead) * paid]).astype(np.float32)
    folds = folds_by_customer(paid, [str(number) for number in range(1000)], 5, 1)
    pair = [one_that_says("catboost", lambda rows: rows[:, 0]), one_that_says("lightgbm", lambda rows: rows[:, 1])]
    choice = choose(pair, rows, paid, folds)
    assert choice.chosen.name == chosen
    assert choice.words().endswith(f"{chosen} ships")


def test_a_model_of_lightgbm_serves_just_as_well(trained, loans_file, quick, tmp_path, monkeypatch):
    pair = candidates(quick)
    monkeypatch.setattr(pipeline, "candidates", lambda params: [replace(pair[1], name="lightgbm"), pair[0]])
    monkeypatch.setattr(pipeline.plots, "draw", lambda *given: None)  # A second and a half, and the same pictures.
    model = pipeline.train(loans_file, quick, tmp_path, lambda words: None).model
    assert model.header.engine == "lightgbm"
    explained = model.explain({"Term": "Long Term"}, most=16)
    assert explained.score.probability == pytest.approx(model.score({"Term": "Long Term"}).probability, abs=1e-9)
    assert explained.reasons[0].feature == "Term"
    columns = clean(read_loans(loans_file), Params()).columns()
    found = np.corrcoef(model.score_batch(columns).probabilities, trained.done.model.score_batch(columns).probabilities)
    assert found[0, 1] > 0.8


def refused(capsys, *arguments):
    """Run the command and return the one line that it ends with."""
    assert train.main([str(argument) for argument in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_bad_files_are_one_clear_line_and_leave_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    files = {
        "nowhere.csv": None,
        "columns.csv": [loan(1)],
        "three.csv": [loan(1), loan(2), loan(3, "Charged Off")],
        "one.csv": [loan(number) for number in range(60)],
    }
    messages = {
        "nowhere.csv": "cannot be read: No such file or directory",
        "columns.csv": "has other columns: it lacks Loan ID",
        "three.csv": "3 usable rows are too few: at least 50 are needed",
        "one.csv": "all 60 usable rows are Fully Paid: nothing to tell apart",
    }
    for name, rows in files.items():
        if rows is not None:
            write_rows(tmp_path / name, rows, ["Customer ID", "Term"] if name == "columns.csv" else list(rows[0]))
        line = refused(capsys, "--data", tmp_path / name, "--out", out)
        assert line.startswith("ml.train: ")
        assert f"{name}: {messages[name]}" in line
    assert not out.exists()


def test_data_that_are_too_good_are_a_leak_and_write_nothing(loans_file, quick, tmp_path):
    """No single value tells the outcome, and yet a column does: only the ROC-AUC shows it."""
    rows = [dict(row) for row in clean(read_loans(loans_file), Params()).rows[:900]]
    random = np.random.default_rng(3)
    for row in rows:
        row["Monthly Debt"] = f"{random.normal(20_000 if row['Loan Status'] == 'Fully Paid' else 26_000, 5_000):.0f}"
        row["Monthly Debt"] = row["Monthly Debt"].lstrip("-")
    path = write_rows(tmp_path / "leak.csv", rows)
    with pytest.raises(
        LeakFound, match=r"ROC-AUC 0\.\d+ is above 0\.70, .* in the \d+ rows .*; Monthly Debt does most of"
    ):
        pipeline.train(path, quick, tmp_path / "out", lambda words: None)
    assert not (tmp_path / "out").exists()


def test_the_command_makes_the_same_bytes_of_the_same_file_and_parameters(trained, loans_file, quick, tmp_path, capsys):
    """What the session's model was made of, given as files."""
    params, out = tmp_path / "params.json", tmp_path / "out"
    params.write_text(json.dumps({"folds": 3, "catboost": quick.catboost, "lightgbm": quick.lightgbm}))
    arguments = ["--data", str(loans_file), "--params", str(params), "--out", str(out), "--source", "made-up loans"]
    assert train.main(arguments) in (0, 1)
    said = capsys.readouterr().out
    for name in ("ROC-AUC: 0.", "Brier: 0.", "expected calibration error: 0.", "3 folds by customer"):
        assert name in said
    for name in ("loan_status.model", "MODEL_CARD.md"):
        assert (out / name).read_bytes() == (trained.out / name).read_bytes()
    assert load(out / "loan_status.model").header.card["params"]["catboost"]["iterations"] == 40


@pytest.mark.parametrize(("limit", "code"), [(0.99, 1), (0.0, 0)])
def test_the_command_says_whether_figures_hold(trained, loans_file, tmp_path, monkeypatch, capsys, limit, code):
    """The training itself is the session's."""
    monkeypatch.setattr(train, "train", lambda *given, **more: trained.done)
    monkeypatch.setattr(train, "AUC_LEAST", limit)
    for name in ("BRIER_MOST", "ECE_MOST"):
        monkeypatch.setattr(train, name, 1.0)
    arguments = ["--data", str(loans_file), "--out", str(tmp_path)]
    assert train.main(arguments) == code
    assert train.main([*arguments, "--any-quality"]) == 0
    assert "ROC-AUC" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[1]", "must be a JSON object"),
        ("{", "is not JSON"),
        ('{"fold": 3}', "unknown parameters: fold; known are"),
        ('{"folds": "3"}', "folds must be a int"),
        ('{"folds": true}', "folds must be a int"),
        ('{"folds": 1}', "folds must be at least 2"),
        ('{"cost_of_loss": 0}', "cost_of_loss above 0"),
        ('{"cost_of_loss": 9}', "low_risk_from between the threshold"),
    ],
)
def test_bad_parameters_are_named(tmp_path, given, message):
    path = tmp_path / "params.json"
    path.write_text(given)
    with pytest.raises(BadData, match=message):
        read_params(path)


def test_parameters_that_the_library_refuses_are_one_line(loans_file, tmp_path, capsys):
    params = tmp_path / "params.json"
    params.write_text('{"folds": 2, "catboost": {"depth": 99}}')
    assert "CatBoost refuses its parameters" in refused(capsys, "--data", loans_file, "--params", params)


def test_the_measures_are_those_of_the_books():
    paid = np.array([1, 1, 0, 1, 0, 1, 1, 0, 1, 1])
    sure = np.where(paid == 1, 0.9, 0.2)
    assert measure(paid, sure, 0.5)["ROC-AUC"] == 1.0
    assert measure(paid, sure, 0.5)["Brier"] == pytest.approx((7 * 0.01 + 3 * 0.04) / 10)
    assert calibration_error(paid, sure) == pytest.approx(0.7 * 0.1 + 0.3 * 0.2)
    assert calibration_error(paid, np.full(10, 0.7)) == pytest.approx(0)


def test_evaluation_tells_quality_with_its_spread_and_who_was_trained_on(trained, loans_file, tmp_path, capsys):
    model = str(trained.done.path)
    assert evaluate.main(["--data", str(loans_file), "--model", model]) == 0
    said = capsys.readouterr().out
    assert "the figures flatter it" in said
    assert "ROC-AUC: 0." in said
    assert "±" in said
    other = write_rows(tmp_path / "other.csv", clean(read_loans(loans_file), Params()).rows[:400])
    assert evaluate.main(["--data", str(other), "--model", model]) == 0
    assert "flatter" not in capsys.readouterr().out
    assert evaluate.main(["--data", str(tmp_path / "none.csv"), "--model", model]) == 2
    assert evaluate.main(["--data", str(loans_file), "--model", str(tmp_path / "none.model")]) == 2


def test_drift_is_none_against_the_training_and_found_where_it_is(trained, loans_file, tmp_path, capsys):
    model = str(trained.done.path)
    assert drift.main(["--data", str(loans_file), "--model", model, "--limit", "0.001"]) == 0
    rows = [dict(row) for row in clean(read_loans(loans_file), Params()).rows]
    for row in rows:
        row["Annual Income"] = str(float(row["Annual Income"]) * 2) if row["Annual Income"] else ""
        row["Purpose"] = "Space travel"
    moved = write_rows(tmp_path / "moved.csv", rows, [name for name in rows[0] if name != "Loan Status"])
    capsys.readouterr()
    assert drift.main(["--data", str(moved), "--model", model, "--limit", "0.25"]) == 1
    words = {line.split("  ")[1].strip(): line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]}
    assert {name for name, word in words.items() if word == "shifted"} == {"Annual Income", "Purpose"}
    assert words["Term"] == "steady"
    assert drift.main(["--data", str(moved), "--model", model]) == 0


def test_what_ships_keeps_its_promises_and_its_card_is_its_own(shipped):
    metrics = shipped.header.card["metrics"]
    assert 0.64 <= metrics["ROC-AUC"]["mean"] <= 0.70
    assert metrics["Brier"]["mean"] <= 0.205
    assert metrics["expected calibration error"]["mean"] <= 0.03
    assert shipped.header.engine == "catboost"
    assert f"`{shipped.version}`" in (SHIPPED.parent / "MODEL_CARD.md").read_text()
