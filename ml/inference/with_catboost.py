"""CatBoost's trees. Its own extension cannot be imported without pandas; nothing of ours makes a frame of anything."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from catboost import CatBoost, CatBoostError, Pool
from numpy.typing import NDArray

FAULTS = (CatBoostError, ValueError, TypeError)


class CatBoostTrees:
    """One thread for each call: requests have threads of their own."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def raw(self, row: Sequence[float]) -> float:
        return float(self._model.predict(row, prediction_type="RawFormulaVal", thread_count=1))

    def raw_many(self, matrix: Any) -> NDArray[np.float64]:
        found = self._model.predict(matrix, prediction_type="RawFormulaVal", thread_count=1)
        return np.asarray(found, dtype=np.float64)

    def effects(self, matrix: Any) -> NDArray[np.float64]:
        pool = Pool(matrix, thread_count=1)
        # Not `cast(NDArray[...], ...)`: making that type anew costs a tenth of the call.
        found: NDArray[np.float64] = self._model.get_feature_importance(pool, type="ShapValues", thread_count=1)
        return found


def open_payload(payload: bytes) -> CatBoostTrees:
    return CatBoostTrees(CatBoost().load_model(blob=payload))
