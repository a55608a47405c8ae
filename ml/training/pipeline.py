"""From a file of loans to an artefact with its card and pictures."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ml.columns import FEATURES
from ml.inference import artefact
from ml.inference.encoding import Encoding, Matrix
from ml.inference.engines import open_engine
from ml.inference.model import Model, load
from ml.training import leaks, learned, plots
from ml.training.candidates import Candidate, candidates
from ml.training.card import write_card
from ml.training.loans import Loans, check_enough, clean, customers, read_loans
from ml.training.measures import ROC_AUC, Ints, by_group, outcomes_at, reliability
from ml.training.params import Params
from ml.training.validation import Choice, Platt, Validation, choose, folds_by_customer, platt, validate

ARTEFACT, CARD, PLOTS = "loan_status.model", "MODEL_CARD.md", "plots"
LIBRARIES = ("catboost", "lightgbm", "scikit-learn", "numpy")
SHAP_ROWS_MAX = 4000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trained:
    model: Model
    path: Path
    card: dict[str, Any]
    validation: Validation


def train(data: Path, params: Params, out: Path, say: Say, *, source: str = "") -> Trained:
    """Learn from a file and write artefact, card and pictures into a folder.

    Raises: BadData, LeakFound. Nothing is written then.
    """
    loans = honest_loans(data, params, say)
    paid = np.array(loans.outcomes(), dtype=np.intp)
    whose = customers(loans)
    encoding = learned.learn_encoding(loans, params.rare_below)
    rows = encoding.matrix(loans.columns())
    folds = folds_by_customer(paid, whose, params.folds, params.seed)
    choice = choose(candidates(params), rows, paid, folds)
    say(choice.words())
    validation = validate(choice.chosen, rows, paid, whose, params, folds)
    calibration = platt(paid, validation.raw)
    payload = choice.chosen.payload(choice.chosen.fit(rows, paid))
    bare = _header(choice.chosen, encoding, calibration, params)
    model = Model(bare, open_engine(bare.engine, payload), "not yet written")
    effects = model.effects(rows[:SHAP_ROWS_MAX])
    leaks.refuse_too_good(loans, validation.spreads[ROC_AUC].mean, params.leak_above, _shares(effects))
    card = _card(loans, paid, params, choice, validation, calibration, effects)
    card["data"]["source"] = source
    header = _complete(bare, model, loans, rows, card)
    artefact.write(out / ARTEFACT, header, payload)
    finished = load(out / ARTEFACT)
    plots.draw(out / PLOTS, paid, validation.probabilities, params.threshold, effects)
    write_card(out / CARD, finished.version, card)
    return Trained(finished, out / ARTEFACT, card, validation)


def honest_loans(data: Path, params: Params, say: Say) -> Loans:
    """Read and clean a labelled file. Raises: BadData, LeakFound."""
    read = read_loans(data)
    leaks.refuse_odd(read)
    loans = clean(read, params)
    say(f"{data}: " + ", ".join(f"{number:,} {what}" for what, number in loans.counts.items()))
    check_enough(loans, params)
    leaks.refuse_leaks(loans)
    return loans


def _shares(effects: Any) -> dict[str, float]:
    """Return how much of all that moves scores each feature moves."""
    sizes = np.abs(effects).mean(axis=0)
    return {name: float(size / max(sizes.sum(), 1e-12)) for name, size in zip(FEATURES, sizes, strict=True)}


def _header(chosen: Candidate, encoding: Encoding, calibration: Platt, params: Params) -> artefact.Header:
    return artefact.Header(
        engine=chosen.name,
        features=FEATURES,
        encoding=encoding.facts(),
        calibration={"slope": calibration.slope, "intercept": calibration.intercept},
        threshold=params.threshold,
        low_risk_from=params.low_risk_from,
        probes=[],
    )


def _complete(bare: artefact.Header, model: Model, loans: Loans, rows: Matrix, card: dict[str, Any]) -> artefact.Header:
    tried = [
        {"values": values, "probability": model.score(values).probability} for values in learned.probes(model.encoding)
    ]
    reference = learned.reference(loans.columns(), model.encoding, model.score_batch(rows).probabilities)
    return artefact.Header(**{**vars(bare), "probes": tried, "reference": reference, "card": card})


def _card(
    loans: Loans,
    paid: Ints,
    params: Params,
    choice: Choice,
    validation: Validation,
    calibration: Platt,
    effects: Any,
) -> dict[str, Any]:
    """Gather what the model card tells: counts, shares and figures, never a row."""
    probabilities = validation.probabilities
    return {
        "data": {
            "file": Path(loans.source).name,
            "sha256": loans.sha256,
            "counts": loans.counts,
            "outcomes": learned.outcome_counts(paid),
            "customers": len(set(customers(loans))),
        },
        "features": list(FEATURES),
        "choice": {"words": choice.words(), "by_fold": choice.by_fold},
        "metrics": {
            name: {"mean": spread.mean, "deviation": spread.deviation} for name, spread in validation.spreads.items()
        },
        "calibration": {
            "method": "Platt (log-odds times a slope plus an intercept, fitted on folds the trees had not seen)",
            "slope": calibration.slope,
            "intercept": calibration.intercept,
            "reliability": reliability(paid, probabilities),
        },
        "threshold": {
            "value": params.threshold,
            "cost_of_loss": params.cost_of_loss,
            "outcomes": outcomes_at(paid, probabilities, params.threshold, params.cost_of_loss),
        },
        "importance": _shares(effects),
        "groups": by_group(learned.group_columns(loans), paid, probabilities),
        "params": params.facts(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    }
