"""What one may change about a training, and what is taken when one does not."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ml.errors import BadData

CATBOOST = {"iterations": 300, "depth": 3, "learning_rate": 0.04, "l2_leaf_reg": 10.0, "border_count": 64}
LIGHTGBM = {
    "n_estimators": 200,
    "num_leaves": 6,
    "learning_rate": 0.03,
    "min_child_samples": 50,
    "reg_lambda": 5.0,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.7,
}


@dataclass(frozen=True)
class Params:
    """`cost_of_loss`: what a loan that was expected to be paid and is charged off costs, in units of what a good loan
    costs that was refused. `leak_above`: the ROC-AUC from which on these data are not believed."""

    seed: int = 10
    folds: int = 5
    cost_of_loss: float = 2.0
    low_risk_from: float = 0.8
    leak_above: float = 0.70
    rare_below: int = 30
    exclude_placeholders: bool = True
    repair_scores: bool = True
    remove_repeats: bool = True
    catboost: dict[str, Any] = field(default_factory=lambda: dict(CATBOOST))
    lightgbm: dict[str, Any] = field(default_factory=lambda: dict(LIGHTGBM))

    @property
    def threshold(self) -> float:
        """The probability from which on expecting repayment is the cheaper error, given that it is calibrated."""
        return self.cost_of_loss / (1.0 + self.cost_of_loss)

    def facts(self) -> dict[str, Any]:
        return asdict(self)


def read_params(path: Path | None) -> Params:
    """Raises: BadData, naming what is unknown or of the wrong kind."""
    if path is None:
        return Params()
    try:
        given = json.loads(path.read_text())
    except OSError as error:
        raise BadData(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadData(f"{path}: is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise BadData(f"{path}: must be a JSON object")
    return _checked(path, given)


def _checked(path: Path, given: dict[str, Any]) -> Params:
    plain = Params()
    known = {one.name for one in fields(Params)}
    if unknown := sorted(set(given) - known):
        raise BadData(f"{path}: unknown parameters: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    for name, value in given.items():
        usual = getattr(plain, name)
        fits = isinstance(value, int | float) if isinstance(usual, float) else isinstance(value, type(usual))
        if not fits or (isinstance(value, bool) and not isinstance(usual, bool)):
            raise BadData(f"{path}: {name} must be a {type(usual).__name__}, like {usual!r}")
        if isinstance(usual, dict):
            given[name] = {**usual, **value}
    params = replace(plain, **given)
    if params.folds < 2 or params.cost_of_loss <= 0 or not params.threshold <= params.low_risk_from < 1:
        raise BadData(
            f"{path}: folds must be at least 2, cost_of_loss above 0, and low_risk_from between the threshold that "
            f"follows from it ({params.threshold:.3f}) and 1"
        )
    return params
