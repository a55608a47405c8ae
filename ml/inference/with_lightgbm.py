"""LightGBM's trees, as its own text. Only needed where an artefact was made with it (requirements-ml.txt)."""

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

FAULTS = (lightgbm.basic.LightGBMError, ValueError, TypeError)


class LightGBMTrees:
    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def raw(self, row: Sequence[float]) -> float:
        return float(self.raw_many(np.array([row], dtype=np.float32))[0])

    def raw_many(self, matrix: Any) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self._booster.predict(np.asarray(matrix), raw_score=True, num_threads=1)
        return found

    def effects(self, matrix: Any) -> NDArray[np.float64]:
        rows = np.asarray(matrix, dtype=np.float32)
        found: NDArray[np.float64] = self._booster.predict(rows, pred_contrib=True, num_threads=1)
        return found


def open_payload(payload: bytes) -> LightGBMTrees:
    return LightGBMTrees(lightgbm.Booster(model_str=payload.decode()))
