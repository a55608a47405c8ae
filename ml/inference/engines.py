"""The libraries behind the trees, loaded only with an artefact that needs them.

CatBoost takes half a second and 70 MB to import, so nothing is imported before an artefact is opened: a management
command that predicts nothing pays nothing (BUG-S0-20).
"""

import importlib
from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ml.errors import BrokenArtefact, WrongArtefact

_MODULES = {"catboost": "ml.inference.with_catboost", "lightgbm": "ml.inference.with_lightgbm"}


class Engine(Protocol):
    """Trees that give log-odds of full repayment, before calibration."""

    def raw(self, row: Sequence[float]) -> float: ...

    def raw_many(self, matrix: Any) -> NDArray[np.float64]: ...

    def effects(self, matrix: Any) -> NDArray[np.float64]:
        """Return SHAP values: a row each, a column for each column of the matrix, and the average score last."""
        ...


def open_engine(name: str, payload: bytes) -> Engine:
    """Raises: WrongArtefact (a library that is not known or not installed), BrokenArtefact."""
    if name not in _MODULES:
        raise WrongArtefact(f"made with {name!r}, which is not known here")
    try:
        module = importlib.import_module(_MODULES[name])
    except ImportError as error:
        raise WrongArtefact(f"needs {name}, which cannot be imported: {error}") from error
    try:
        return cast(Engine, module.open_payload(payload))
    except module.FAULTS as error:
        raise BrokenArtefact(f"{name} cannot read its trees: {str(error).splitlines()[0]}") from error
