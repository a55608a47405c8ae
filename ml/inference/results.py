"""What the model answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml.columns import LABELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS = ("LOW", "MEDIUM", "HIGH")


@dataclass(frozen=True, slots=True)
class Score:
    """`probability`: that the loan will be fully paid, calibrated. `prediction` follows from it by the stated cost."""

    prediction: str
    probability: float
    risk_band: str
    model_version: str
    # Features whose value lies outside of anything seen in training: the estimate is a guess there.
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """How much one feature moved this score from the average one, in log-odds, and that in words."""

    feature: str
    effect: float
    words: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score with its reasons, strongest first."""

    score: Score
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """Those of many rows, as arrays; single ones by index."""

    probabilities: "NDArray[np.float64]"
    fully_paid: "NDArray[np.bool_]"
    bands: "NDArray[np.intp]"
    model_version: str

    def __len__(self) -> int:
        return len(self.probabilities)

    def __getitem__(self, place: int) -> Score:
        return Score(
            LABELS[int(self.fully_paid[place])],
            float(self.probabilities[place]),
            BANDS[int(self.bands[place])],
            self.model_version,
        )

    def __iter__(self) -> Iterator[Score]:
        return (self[place] for place in range(len(self)))

    def counts(self) -> dict[str, Any]:
        """Return how many rows are in each band and of each prediction."""
        paid = int(self.fully_paid.sum())
        return {
            "bands": {band: int((self.bands == place).sum()) for place, band in enumerate(BANDS)},
            "predictions": {LABELS[0]: len(self) - paid, LABELS[1]: paid},
        }
