"""Cross-validation by customer: choosing between the candidates, and what the chosen one is worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

from ml.inference.encoding import Matrix
from ml.training.candidates import Candidate
from ml.training.measures import Floats, Ints, Spread, measure, spreads
from ml.training.params import Params

Folds = list[tuple[Ints, Ints]]
INNER_FOLDS = 3
# A lead of so many standard errors is a tie: with five folds chance alone often gives one.
TIE = 2.0


@dataclass(frozen=True, slots=True)
class Choice:
    """`difference`: ROC-AUC of the other minus CatBoost's, by fold; `error`: its mean's standard error."""

    chosen: Candidate
    by_fold: dict[str, list[float]]
    difference: float
    error: float

    def words(self) -> str:
        aucs = ", ".join(
            f"{name} {Spread(float(np.mean(found)), float(np.std(found, ddof=1)))}"
            for name, found in self.by_fold.items()
        )
        verdict = "more than" if self.difference > TIE * self.error else "not more than"
        return (
            f"ROC-AUC {aucs}; the second leads by {self.difference:+.4f}, {verdict} {TIE:g} standard errors of "
            f"that ({self.error:.4f}): {self.chosen.name} ships"
        )


@dataclass(frozen=True, slots=True)
class Validation:
    """What the chosen candidate did on folds that it had not seen, calibrated without them."""

    spreads: dict[str, Spread]
    probabilities: Floats
    raw: Floats


@dataclass(frozen=True, slots=True)
class Platt:
    """Calibration by Platt's method: log-odds times a slope plus an intercept, fitted on unseen folds."""

    slope: float
    intercept: float

    def __call__(self, raw: Floats) -> Floats:
        found: Floats = 1.0 / (1.0 + np.exp(-(self.slope * raw + self.intercept)))
        return found


def folds_by_customer(paid: Ints, whose: Sequence[str], number: int, seed: int) -> Folds:
    """Return folds in which no customer is on both sides, with like shares of outcomes."""
    _, groups = np.unique(np.array(whose), return_inverse=True)
    splitter = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(paid)), paid, groups))


def choose(found: Sequence[Candidate], rows: Matrix, paid: Ints, folds: Folds) -> Choice:
    """Compare by ROC-AUC on the same folds. The second is chosen only if it leads by more than TIE standard errors."""
    by_fold = {
        one.name: [
            float(roc_auc_score(paid[test], one.raw(one.fit(rows[train], paid[train]), rows[test])))
            for train, test in folds
        ]
        for one in found
    }
    first, second = found
    leads = np.subtract(by_fold[second.name], by_fold[first.name])
    error = float(leads.std(ddof=1) / np.sqrt(len(leads)))
    chosen = second if leads.mean() > TIE * error else first
    return Choice(chosen, by_fold, float(leads.mean()), error)


def validate(
    one: Candidate, rows: Matrix, paid: Ints, whose: Sequence[str], params: Params, folds: Folds
) -> Validation:
    """Measure on each fold what was trained and calibrated on the others; calibration has inner folds of its own."""
    measured, raw, probabilities = [], np.zeros(len(paid)), np.zeros(len(paid))
    for train, test in folds:
        owners = [whose[place] for place in train]
        inner = folds_by_customer(paid[train], owners, INNER_FOLDS, params.seed)
        calibrate = platt(paid[train], unseen(one, rows[train], paid[train], inner))
        raw[test] = one.raw(one.fit(rows[train], paid[train]), rows[test])
        probabilities[test] = calibrate(raw[test])
        measured.append(measure(paid[test], probabilities[test], params.threshold))
    return Validation(spreads(measured), probabilities, raw)


def unseen(one: Candidate, rows: Matrix, paid: Ints, folds: Folds) -> Floats:
    """Return raw scores of each row by trees that did not see it."""
    raw = np.zeros(len(paid))
    for train, test in folds:
        raw[test] = one.raw(one.fit(rows[train], paid[train]), rows[test])
    return raw


def platt(paid: Ints, raw: Floats) -> Platt:
    fitted = LogisticRegression(C=1e6).fit(raw.reshape(-1, 1), paid)
    slope = float(fitted.coef_[0][0])
    # Trees that know nothing may come out upside down; calibration must keep their order.
    return Platt(max(slope, 0.05), float(fitted.intercept_[0]))
