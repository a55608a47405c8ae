"""How good probabilities are. Positive is fully paid; precision and recall are those of charged off, which is rare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, log_loss, roc_auc_score

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

BINS = 10
# Of fewer rows no figure is told: it would say little, and too much about a few people.
GROUP_MIN = 50

ROC_AUC, PR_AUC, BRIER, LOG_LOSS, ACCURACY, ECE = (
    "ROC-AUC",
    "PR-AUC of Charged Off",
    "Brier",
    "log loss",
    "accuracy",
    "expected calibration error",
)


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure as mean and standard deviation over folds, or over resamples."""

    mean: float
    deviation: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.deviation:.3f}"


def measure(paid: Ints, probabilities: Floats, threshold: float) -> dict[str, float]:
    return {
        ROC_AUC: float(roc_auc_score(paid, probabilities)),
        PR_AUC: float(average_precision_score(1 - paid, 1 - probabilities)),
        BRIER: float(brier_score_loss(paid, probabilities)),
        LOG_LOSS: float(log_loss(paid, probabilities, labels=[0, 1])),
        ACCURACY: float(accuracy_score(paid, probabilities >= 0.5)),
        ECE: calibration_error(paid, probabilities),
        "accuracy at the threshold": float(accuracy_score(paid, probabilities >= threshold)),
    }


def calibration_error(paid: Ints, probabilities: Floats) -> float:
    """Return the mean distance between promised and seen shares in ten bins of equal width, weighted by rows."""
    return sum(row["rows"] * abs(row["promised"] - row["seen"]) for row in reliability(paid, probabilities)) / len(paid)


def reliability(paid: Ints, probabilities: Floats) -> list[dict[str, float]]:
    places = np.minimum((probabilities * BINS).astype(np.intp), BINS - 1)
    found = []
    for place in range(BINS):
        inside = places == place
        if inside.any():
            found.append(
                {
                    "rows": int(inside.sum()),
                    "promised": float(probabilities[inside].mean()),
                    "seen": float(paid[inside].mean()),
                }
            )
    return found


def spreads(folds: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    return {
        name: Spread(
            float(np.mean([fold[name] for fold in folds])), float(np.std([fold[name] for fold in folds], ddof=1))
        )
        for name in folds[0]
    }


def resampled(paid: Ints, probabilities: Floats, threshold: float, seed: int, times: int = 100) -> dict[str, Spread]:
    """Measure once, with the deviation over resamples of the rows."""
    random = np.random.default_rng(seed)
    once = measure(paid, probabilities, threshold)
    again: list[dict[str, float]] = []
    while len(again) < times:
        rows = random.integers(0, len(paid), len(paid))
        if 0 < paid[rows].sum() < len(rows):
            again.append(measure(paid[rows], probabilities[rows], threshold))
    return {
        name: Spread(value, spread.deviation)
        for (name, value), spread in zip(once.items(), spreads(again).values(), strict=True)
    }


def outcomes_at(paid: Ints, probabilities: Floats, threshold: float, cost_of_loss: float) -> dict[str, float]:
    """Return the four counts at the threshold, and what errors cost for each loan beside saying yes, or no, to all."""
    expected = probabilities >= threshold
    losses, refused = int((expected & (paid == 0)).sum()), int((~expected & (paid == 1)).sum())
    return {
        "charged off, foreseen": int((~expected & (paid == 0)).sum()),
        "charged off, not foreseen": losses,
        "fully paid, foreseen": int((expected & (paid == 1)).sum()),
        "fully paid, not foreseen": refused,
        "cost a loan": (cost_of_loss * losses + refused) / len(paid),
        "cost a loan, yes to all": cost_of_loss * float((paid == 0).mean()),
        "cost a loan, no to all": float((paid == 1).mean()),
    }


def by_group(groups: Mapping[str, Sequence[str]], paid: Ints, probabilities: Floats) -> list[dict[str, Any]]:
    """Return for each value of each grouping of at least GROUP_MIN rows: rows, promised and seen share, ROC-AUC."""
    found = []
    for grouping, values in groups.items():
        labels = np.array(values)
        for value in sorted(set(values)):
            inside = labels == value
            rows = int(inside.sum())
            if rows < GROUP_MIN or not 0 < paid[inside].sum() < rows:
                continue
            found.append(
                {
                    "group": grouping,
                    "value": value,
                    "rows": rows,
                    "promised": float(probabilities[inside].mean()),
                    "seen": float(paid[inside].mean()),
                    "roc_auc": float(roc_auc_score(paid[inside], probabilities[inside])),
                }
            )
    return found
