"""The two kinds of trees that compete, each as: fit, tell raw log-odds, and give its own bytes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
from catboost import CatBoostClassifier, CatBoostError

from ml.errors import BadData
from ml.inference.encoding import Matrix
from ml.training.measures import Floats, Ints
from ml.training.params import Params

logging.getLogger("lightgbm").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Candidate:
    name: str
    fit: Callable[[Matrix, Ints], Any]
    raw: Callable[[Any, Matrix], Floats]
    payload: Callable[[Any], bytes]


def candidates(params: Params) -> list[Candidate]:
    """Return CatBoost first: a tie is its. One thread and a seed each, so the same file gives the same model."""
    return [
        Candidate("catboost", lambda rows, paid: _catboost(params, rows, paid), _catboost_raw, _catboost_payload),
        Candidate("lightgbm", lambda rows, paid: _lightgbm(params, rows, paid), _lightgbm_raw, _lightgbm_payload),
    ]


def _catboost(params: Params, rows: Matrix, paid: Ints) -> Any:
    try:
        model = CatBoostClassifier(
            **params.catboost,
            loss_function="Logloss",
            random_seed=params.seed,
            thread_count=1,
            allow_writing_files=False,
            verbose=False,
        )
        return model.fit(rows, paid)
    except (CatBoostError, TypeError) as error:
        raise BadData(f"CatBoost refuses its parameters: {str(error).splitlines()[0]}") from error


def _catboost_raw(model: Any, rows: Matrix) -> Floats:
    return np.asarray(model.predict(rows, prediction_type="RawFormulaVal", thread_count=1), dtype=np.float64)


def _catboost_payload(model: Any) -> bytes:
    """Return the model in CatBoost's own format, without the time and the random id that it writes into each."""
    metadata = model.get_metadata()
    for name in ("train_finish_time", "model_guid"):
        metadata[name] = "-"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trees.cbm"
        model.save_model(str(path), format="cbm")
        return path.read_bytes()


def _lightgbm(params: Params, rows: Matrix, paid: Ints) -> Any:
    try:
        model = lightgbm.LGBMClassifier(
            **params.lightgbm,
            objective="binary",
            random_state=params.seed,
            deterministic=True,
            force_row_wise=True,
            n_jobs=1,
            verbose=-1,
        )
        return model.fit(rows, paid).booster_
    except (lightgbm.basic.LightGBMError, TypeError) as error:
        raise BadData(f"LightGBM refuses its parameters: {str(error).splitlines()[0]}") from error


def _lightgbm_raw(model: Any, rows: Matrix) -> Floats:
    return np.asarray(model.predict(rows, raw_score=True, num_threads=1), dtype=np.float64)


def _lightgbm_payload(model: Any) -> bytes:
    return str(model.model_to_string()).encode()
