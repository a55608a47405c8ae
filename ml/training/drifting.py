"""The population stability index: how far recent applications have moved from those of the training.

For each bin, the difference of shares times the logarithm of their ratio, summed. Below 0.1 nothing moved, above 0.25
the model was not trained for what it is asked.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.columns import FEATURES
from ml.inference.encoding import read_numbers
from ml.inference.model import Model
from ml.training.learned import shares_of_numbers, shares_of_values

MOVED, SHIFTED = 0.1, 0.25
# An empty bin would make the index infinite.
LEAST_SHARE = 1e-4


@dataclass(frozen=True, slots=True)
class Drift:
    feature: str
    psi: float

    @property
    def word(self) -> str:
        return "steady" if self.psi < MOVED else "moved" if self.psi < SHIFTED else "shifted"


def stability(expected: Sequence[float], found: Sequence[float]) -> float:
    total = 0.0
    for share, recent in zip(expected, found, strict=True):
        one, other = max(share, LEAST_SHARE), max(recent, LEAST_SHARE)
        total += (other - one) * math.log(other / one)
    return total


def drifts(model: Model, columns: Mapping[str, Sequence[Any]]) -> list[Drift]:
    """Return the index of each feature and of the score, most moved first. The training's side is in the artefact."""
    found = [Drift(name, stability(*_shares(model, name, columns[name]))) for name in FEATURES]
    reference = model.header.reference["score"]
    recent = shares_of_numbers(model.score_batch(columns).probabilities, reference["edges"])
    found.append(Drift("score", stability(reference["shares"], recent)))
    return sorted(found, key=lambda drift: -drift.psi)


def _shares(model: Model, name: str, column: Sequence[Any]) -> tuple[list[float], list[float]]:
    reference = model.header.reference[name]
    if "values" in reference:
        return reference["shares"], shares_of_values(column, reference["values"])
    return reference["shares"], shares_of_numbers(read_numbers(name, column), reference["edges"])
