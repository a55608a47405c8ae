"""Serving (S0-B9 to B12, B15, E-S0-11, BUG-S0-20): any row is answered, any wrong artefact is refused by name."""

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from ml.columns import FEATURES, SHIPPED
from ml.errors import BrokenArtefact, WrongArtefact
from ml.inference import artefact, load, opened
from ml.inference.results import BANDS
from ml.tests.rows import ORDINARY
from ml.training.loans import clean, read_loans
from ml.training.params import Params

STATM = Path("/proc/self/statm")


def test_a_row_is_scored_whether_its_cells_are_words_or_numbers(shipped):
    numbers = {
        name: Decimal(value) if value[:1].isdigit() and " " not in value else value or None
        for name, value in ORDINARY.items()
    }
    score = shipped.score(ORDINARY)
    assert score == shipped.score(numbers)
    assert score.prediction == "Fully Paid"
    assert 0.5 < score.probability < 0.95
    assert score.risk_band in BANDS
    assert score.model_version == shipped.version
    assert score.outside == ()


def test_better_and_worse_rows_are_told_apart(shipped):
    good = shipped.score({**ORDINARY, "Credit Score": 750, "Annual Income": 2_400_000})
    bad = shipped.score(
        {**ORDINARY, "Credit Score": 640, "Annual Income": 500_000, "Term": "Long Term", "Home Ownership": "Rent"}
    )
    assert (good.prediction, good.risk_band) == ("Fully Paid", "LOW")
    assert (bad.prediction, bad.risk_band) == ("Charged Off", "HIGH")


def test_a_row_of_nothing_is_answered(shipped):
    for row in ({}, dict.fromkeys(FEATURES), dict.fromkeys(FEATURES, ""), dict.fromkeys(FEATURES, "n/a")):
        assert shipped.score(row) == shipped.score({})
    assert 0 < shipped.score({}).probability < 1


@pytest.mark.parametrize(
    "value",
    [-5, "-5", math.nan, math.inf, -math.inf, 10**400, Decimal("1E+500"), Decimal("NaN"), "much", [1], 99_999_999],
)
def test_an_amount_that_is_none_is_read_as_missing(shipped, value):
    assert shipped.score({**ORDINARY, "Current Loan Amount": value}) == shipped.score(
        {**ORDINARY, "Current Loan Amount": None}
    )


def test_absurd_values_are_scored_like_the_ends_and_named(shipped):
    highest = shipped.encoding.ranges["Current Loan Amount"][1]
    absurd = shipped.score({**ORDINARY, "Current Loan Amount": 10**17})
    assert absurd.probability == shipped.score({**ORDINARY, "Current Loan Amount": highest}).probability
    assert absurd.outside == ("Current Loan Amount",)


def test_a_ten_fold_score_is_divided_and_a_higher_one_is_missing(shipped):
    assert shipped.score({**ORDINARY, "Credit Score": 7380}) == shipped.score(ORDINARY)
    assert shipped.score({**ORDINARY, "Credit Score": 99_000}) == shipped.score({**ORDINARY, "Credit Score": None})


def test_an_unknown_purpose_is_none_of_the_known_and_spelling_does_not_matter(shipped):
    for unknown in ("Space travel", "x" * 10_000, 7, object()):
        assert shipped.score({**ORDINARY, "Purpose": unknown}) == shipped.score({**ORDINARY, "Purpose": None})
    for same in ("debt consolidation", "Debt_Consolidation", " DebtConsolidation "):
        assert shipped.score({**ORDINARY, "Purpose": same}) == shipped.score(ORDINARY)


def test_a_batch_says_what_single_rows_say(shipped, loans_file):
    loans = clean(read_loans(loans_file), Params())
    scores = shipped.score_batch(loans.columns())
    single = [shipped.score(row) for row in loans.rows]
    assert np.allclose(scores.probabilities, [score.probability for score in single], atol=1e-9)
    assert [score.prediction for score in scores] == [score.prediction for score in single]
    assert [score.risk_band for score in scores] == [score.risk_band for score in single]
    counts = scores.counts()
    assert sum(counts["bands"].values()) == sum(counts["predictions"].values()) == len(loans.rows)
    prepared = shipped.score_batch(shipped.prepare(loans.columns()))
    assert np.array_equal(prepared.probabilities, scores.probabilities)


def test_a_batch_takes_oddities_missing_columns_and_no_rows(shipped):
    odd = [None, 99_999_999, -1, "x", Decimal("312000")]
    rows = [{**ORDINARY, "Current Loan Amount": value, "Credit Score": 7380} for value in odd]
    columns = {name: [row[name] for row in rows] for name in FEATURES if name != "Purpose"}
    expected = [shipped.score({**row, "Purpose": None}).probability for row in rows]
    assert np.allclose(shipped.score_batch(columns).probabilities, expected, atol=1e-9)
    columns = {"Credit Score": [7380, 99_000, None], "Current Loan Amount": [1, 99_999_999, -1]}
    singles = [{"Credit Score": 738, "Current Loan Amount": 1}, {}, {}]
    assert np.allclose(
        shipped.score_batch(columns).probabilities, [shipped.score(row).probability for row in singles], atol=1e-9
    )
    assert len(shipped.score_batch({})) == 0
    assert len(shipped.score_batch({name: [] for name in FEATURES})) == 0


def test_reasons_add_up_to_the_score_and_name_the_strongest_first(shipped):
    explained = shipped.explain(ORDINARY, most=16)
    score = shipped.score(ORDINARY)
    assert explained.score.probability == pytest.approx(score.probability, abs=1e-9)
    assert explained.score.prediction == score.prediction
    sizes = [abs(reason.effect) for reason in explained.reasons]
    assert sizes == sorted(sizes, reverse=True)
    odds = math.log(score.probability / (1 - score.probability))
    average = odds - sum(reason.effect for reason in explained.reasons)
    other = shipped.explain({**ORDINARY, "Term": "Long Term", "Credit Score": None}, most=16)
    odds = math.log(other.score.probability / (1 - other.score.probability))
    assert odds - sum(reason.effect for reason in other.reasons) == pytest.approx(average, abs=1e-9)


def test_reasons_are_sentences_about_what_was_given(shipped):
    row = {
        **ORDINARY,
        "Term": "Long Term",
        "Annual Income": None,
        "Credit Score": "n/a",
        "Years in current job": "long",
    }
    words = {reason.feature: reason.words for reason in shipped.explain(row, most=16).reasons}
    assert words["Term"] == "The term (Long Term) strongly lowers the chance of full repayment."
    assert words["Annual Income"].startswith("That no usable annual income is known ")
    assert words["Credit Score"].startswith("That no usable credit score is known ")
    assert words["Current Loan Amount"].startswith("The loan amount (312,000) ")
    assert len(shipped.explain(row).reasons) == 5
    effects = {reason.feature: reason.effect for reason in shipped.explain(row, most=16).reasons}
    assert all((" raises " in words[name] or "raises" in words[name]) == (effects[name] > 0) for name in words)


def test_threads_get_the_same_answers(shipped):
    rows = [{**ORDINARY, "Credit Score": 600 + number} for number in range(150)]
    expected = [shipped.explain(row) for row in rows]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(shipped.explain, rows)) == expected
        assert list(threads.map(shipped.score, rows)) == [shipped.score(row) for row in rows]


@pytest.mark.skipif(not STATM.exists(), reason="reads memory as Linux tells it")
def test_ten_thousand_predictions_take_no_memory(shipped):
    row = {**ORDINARY, "Purpose": "Space travel"}
    _predict(shipped, row, 1000)
    before = _resident_kb()
    _predict(shipped, row, 10_000)
    assert _resident_kb() - before < 2048


def _predict(model, row, times):
    for number in range(times):
        model.score({**row, "Current Loan Amount": number * 100})
        if number % 50 == 0:
            model.explain(row)


def _resident_kb():
    return int(STATM.read_text().split()[1]) * 4


def test_an_artefact_is_loaded_once_and_a_healed_one_is_found(tmp_path):
    path = tmp_path / "loan_status.model"
    path.write_bytes(b"")
    with pytest.raises(BrokenArtefact):
        opened(path)
    path.write_bytes(SHIPPED.read_bytes())
    with ThreadPoolExecutor(4) as threads:
        models = list(threads.map(lambda _: opened(path), range(8)))
    assert all(model is models[0] for model in models)
    path.unlink()
    assert opened(path) is models[0]


def test_importing_loads_no_library_and_no_artefact():
    """BUG-S0-20: any command, from any folder, with or without the file."""
    code = "import sys, ml.inference; print({'catboost', 'numpy', 'pandas', 'lightgbm', 'sklearn'} & set(sys.modules))"
    root = SHIPPED.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {code}"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


def changed(tmp_path, **changes):
    header, payload, _ = artefact.read(SHIPPED)
    path = tmp_path / "changed.model"
    artefact.write(path, replace(header, **changes), payload)
    return path


def test_missing_foreign_cut_and_altered_files_are_refused_by_name(tmp_path):
    content = SHIPPED.read_bytes()
    path = tmp_path / "loan_status.model"
    with pytest.raises(BrokenArtefact, match="loan_status.model: cannot be read: No such file"):
        load(path)
    for broken, message in (
        (b"", "is not a loan model"),
        (b"\x80\x04pickle", "is not a loan model"),
        (content[: len(content) // 2], "was cut or altered"),
        (content[:-20] + bytes([content[-20] ^ 1]) + content[-19:], "was cut or altered"),
        (content.replace(b'"threshold"', b'"threshald"', 1), "was cut or altered"),
    ):
        path.write_bytes(broken)
        with pytest.raises(BrokenArtefact, match=f"loan_status.model: {message}"):
            load(path)
    with pytest.raises(BrokenArtefact, match="cannot be read: Is a directory"):
        load(tmp_path)


def test_another_feature_set_is_refused_by_its_names(tmp_path):
    other = tuple("Age" if name == "Tax Liens" else name for name in FEATURES)
    with pytest.raises(WrongArtefact, match="another feature set: it lacks Tax Liens; it has Age"):
        load(changed(tmp_path, features=other))
    with pytest.raises(WrongArtefact, match="the same features in another order"):
        load(changed(tmp_path, features=tuple(reversed(FEATURES))))


def test_another_format_or_library_is_refused_by_name(tmp_path):
    path = tmp_path / "loan_status.model"
    path.write_bytes(SHIPPED.read_bytes().replace(b"EASE-LOAN-MODEL 1 ", b"EASE-LOAN-MODEL 2 ", 1))
    with pytest.raises(WrongArtefact, match="is of format 2, and this code reads format 1"):
        load(path)
    with pytest.raises(WrongArtefact, match="made with 'sklearn', which is not known here"):
        load(changed(tmp_path, engine="sklearn"))


def test_an_artefact_that_scores_otherwise_than_when_made_is_refused(tmp_path):
    header, payload, _ = artefact.read(SHIPPED)
    with pytest.raises(BrokenArtefact, match="of 4 probes score otherwise"):
        load(changed(tmp_path, calibration={"slope": 1.2, "intercept": 0.0}))
    with pytest.raises(BrokenArtefact, match="0 of 0 probes"):
        load(changed(tmp_path, probes=[]))
    with pytest.raises(BrokenArtefact, match="has another header"):
        load(changed(tmp_path, encoding={}))
    path = tmp_path / "trees.model"
    artefact.write(path, header, payload[:200])
    with pytest.raises(BrokenArtefact, match="catboost cannot read its trees"):
        load(path)


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b"not json", b'{"features": 7}', json.dumps({"features": FEATURES, "x": 1}).encode()]
)
def test_a_header_that_is_none_is_refused(tmp_path, header):
    header_of, _, _ = artefact.read(SHIPPED)
    path = tmp_path / "header.model"
    artefact.write(path, header_of, b"")
    body = header + b"\n"
    digest = artefact.hashlib.sha256(body).hexdigest()
    path.write_bytes(f"{artefact.MAGIC} {artefact.FORMAT} {digest}\n".encode() + body)
    with pytest.raises(BrokenArtefact, match="header.model: has (no|another) header"):
        load(path)
