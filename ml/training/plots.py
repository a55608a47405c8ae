"""The card's pictures. They show shares and curves of unseen folds, no single loan."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from ml.columns import FEATURES
from ml.training.measures import Floats, Ints, reliability

INK, PALE = "#1f4e79", "#9aa7b4"


def draw(folder: Path, paid: Ints, probabilities: Floats, threshold: float, effects: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _roc(folder / "roc.png", paid, probabilities, threshold)
    _precision_recall(folder / "pr.png", paid, probabilities)
    _calibration(folder / "calibration.png", paid, probabilities)
    _shap(folder / "shap.png", effects)


def _axes(title: str, across: str, up: str, size: tuple[float, float] = (4.8, 4.2)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _roc(path: Path, paid: Ints, probabilities: Floats, threshold: float) -> None:
    figure, axes = _axes(
        f"ROC, area {roc_auc_score(paid, probabilities):.3f}", "charged off, taken for good", "fully paid, found"
    )
    wrong, right, _ = roc_curve(paid, probabilities)
    axes.plot([0, 1], [0, 1], color=PALE, linestyle=":")
    axes.plot(wrong, right, color=INK)
    at = probabilities >= threshold
    axes.plot([at[paid == 0].mean()], [at[paid == 1].mean()], "o", color=INK, label=f"threshold {threshold:.3f}")
    axes.legend(frameon=False)
    figure.savefig(path)


def _precision_recall(path: Path, paid: Ints, probabilities: Floats) -> None:
    area = average_precision_score(1 - paid, 1 - probabilities)
    figure, axes = _axes(f"Charged off: precision and recall, area {area:.3f}", "recall", "precision")
    precision, recall, _ = precision_recall_curve(1 - paid, 1 - probabilities)
    axes.axhline(float((paid == 0).mean()), color=PALE, linestyle=":", label="share of charged off")
    axes.plot(recall, precision, color=INK)
    axes.set_ylim(0, 1)
    axes.legend(frameon=False)
    figure.savefig(path)


def _calibration(path: Path, paid: Ints, probabilities: Floats) -> None:
    figure, axes = _axes("Calibration on unseen folds", "promised share fully paid", "seen share")
    rows = reliability(paid, probabilities)
    promised, seen = [row["promised"] for row in rows], [row["seen"] for row in rows]
    errors = [2 * np.sqrt(max(row["seen"] * (1 - row["seen"]), 1e-6) / row["rows"]) for row in rows]
    axes.plot([0, 1], [0, 1], color=PALE, linestyle=":")
    axes.errorbar(promised, seen, yerr=errors, fmt="o-", color=INK, capsize=3)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    figure.savefig(path)


def _shap(path: Path, effects: Any) -> None:
    """Show for each feature the middle 90 % of its effects, and their mean size as a dot."""
    sizes = np.abs(effects).mean(axis=0)
    order = np.argsort(sizes)
    figure, axes = _axes("SHAP summary", "effect on the log-odds of full repayment", "", (7.2, 5.2))
    low, high = np.quantile(effects[:, order], [0.05, 0.95], axis=0)
    places = np.arange(len(order))
    axes.barh(places, high - low, left=low, color=PALE, label="middle 90 % of rows")
    axes.plot(sizes[order], places, "o", color=INK, label="mean size")
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_yticks(places, [FEATURES[place] for place in order])
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path)
