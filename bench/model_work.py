"""`python -m bench.model_work ROUNDS SHARE`: what the model's own part costs against CatBoost alone. Prints JSON.

Blocks of both sides alternate, so that what disturbs one disturbs the other. Time is CPU time of this process.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from catboost import CatBoostClassifier, Pool

from ml.columns import FEATURES, NUMERIC, SHIPPED
from ml.inference import artefact, load
from ml.training.generator import Oddities, loans

BLOCKS = 20
SCORES, REASONS, BATCH_ROWS = 50, 10, 20_000


def main(rounds: int, share: float) -> None:
    model = load(SHIPPED)
    _, payload, _ = artefact.read(SHIPPED)
    native = CatBoostClassifier().load_model(blob=payload)
    rows = [
        {name: _cell(name, row.get(name)) for name in FEATURES}
        for row in loans(max(int(BATCH_ROWS * share), 200), 1, Oddities())
    ]
    columns = {name: [row[name] for row in rows] for name in FEATURES}
    prepared = model.prepare(columns)
    encoded = [[float(number) for number in row] for row in prepared[:SCORES]]
    few = list(zip(rows, encoded, strict=False))
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "score": (
            lambda: [model.score(row) for row, _ in few],
            lambda: [native.predict_proba(numbers, thread_count=1) for _, numbers in few],
        ),
        "reasons": (
            lambda: [model.explain(row) for row, _ in few[:REASONS]],
            lambda: [_shap(native, numbers) for _, numbers in few[:REASONS]],
        ),
        "batch": (
            lambda: model.score_batch(prepared),
            lambda: native.predict_proba(prepared, thread_count=1),
        ),
        "batch of raw columns": (
            lambda: model.score_batch(columns),
            lambda: native.predict_proba(prepared, thread_count=1),
        ),
    }
    operations = {"score": len(few), "reasons": len(few[:REASONS])}
    blocks = max(int(BLOCKS * share), 8)
    found = {
        name: [_alternate(ours, theirs, blocks, operations.get(name, len(rows))) for _ in range(rounds)]
        for name, (ours, theirs) in pairs.items()
    }
    print(json.dumps(found))


def _cell(name: str, value: object) -> object:
    """Return a cell as the database would give it."""
    text = str(value or "")
    if not text or text.lower() in ("na", "n/a"):
        return None
    return float(text) if name in NUMERIC and not text.endswith(("year", "years")) else text


def _shap(native: CatBoostClassifier, numbers: list[float]) -> object:
    pool = Pool([numbers], thread_count=1)
    return native.get_feature_importance(pool, type="ShapValues", thread_count=1)


def _alternate(
    ours: Callable[[], object], theirs: Callable[[], object], blocks: int, operations: int
) -> tuple[float, float]:
    """Return the CPU seconds for each operation of both sides: of the blocks, the one at a quarter. What comes in
    between (a core that is shared, a cache that is cold) only ever adds, to some blocks of either side."""
    took: tuple[list[float], list[float]] = ([], [])
    sides = list(zip((ours, theirs), took, strict=True))
    for number in range(blocks):
        for work, times in sides if number % 2 else sides[::-1]:
            since = time.process_time()
            work()
            times.append((time.process_time() - since) / operations)
    return float(np.quantile(took[0], 0.25)), float(np.quantile(took[1], 0.25))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
