from pathlib import Path
from types import SimpleNamespace

import pytest

from ml.columns import SHIPPED
from ml.inference import load
from ml.training.generator import write_loans
from ml.training.params import CATBOOST, LIGHTGBM, Params
from ml.training.pipeline import train

QUICK = Params(
    folds=3, catboost={**CATBOOST, "iterations": 40, "learning_rate": 0.15}, lightgbm={**LIGHTGBM, "n_estimators": 30}
)


@pytest.fixture(scope="session")
def shipped():
    return load(SHIPPED)


@pytest.fixture(scope="session")
def quick():
    return QUICK


@pytest.fixture(scope="session")
def loans_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("loans") / "loans.csv"
    write_loans(path, 2000, seed=4)
    return path


@pytest.fixture(scope="session")
def trained(tmp_path_factory, loans_file):
    out: Path = tmp_path_factory.mktemp("model")
    said: list[str] = []
    done = train(loans_file, QUICK, out, said.append, source="made-up loans")
    return SimpleNamespace(done=done, out=out, said=said)
