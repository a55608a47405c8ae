"""An artefact in use: scores, reasons, batches."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ml.columns import CHARGED_OFF, FEATURES, FULLY_PAID
from ml.errors import BrokenArtefact, WrongArtefact
from ml.inference import artefact
from ml.inference.encoding import Encoding, Matrix
from ml.inference.engines import Engine, open_engine
from ml.inference.reasons import in_words
from ml.inference.results import BANDS, Explanation, Score, Scores

REASONS_MAX = 5
# Another version of a library may round otherwise; more than this is another model.
PROBE_TOLERANCE = 1e-6

Columns = Mapping[str, Sequence[Any]]


class Model:
    """Safe to use from several threads: nothing in it changes."""

    def __init__(self, header: artefact.Header, engine: Engine, version: str) -> None:
        self.header = header
        self.version = version
        self.encoding = Encoding.of_facts(header.encoding)
        self.threshold = header.threshold
        self._low_risk_from = header.low_risk_from
        self._slope = header.calibration["slope"]
        self._intercept = header.calibration["intercept"]
        self._engine = engine
        self._columns = _columns(self.encoding.sources)
        # Adds up what the columns of one feature did, in calibrated log-odds.
        self._by_feature = self._slope * np.equal.outer(np.array(self.encoding.sources), np.arange(len(FEATURES)))

    def score(self, values: Mapping[str, object]) -> Score:
        """Score one row: a mapping by the names of FEATURES. What is missing, unknown or absurd never raises."""
        row, outside = self.encoding.row(values)
        return self._score(self._engine.raw(row), outside)

    def explain(self, values: Mapping[str, object], *, most: int = REASONS_MAX) -> Explanation:
        """Score one row and say why. SHAP values add up to the score, so this costs one call, not two."""
        row, outside = self.encoding.row(values)
        found = self._engine.effects([row])[0].tolist()
        effects = {name: self._slope * sum(found[columns]) for name, columns in self._columns}
        return Explanation(self._score(sum(found), outside), in_words(effects, values, most))

    def prepare(self, columns: Columns) -> Matrix:
        """Return columns by the names of FEATURES as the matrix that the trees read."""
        return self.encoding.matrix(columns)

    def score_batch(self, columns: Columns | Matrix) -> Scores:
        """Score many rows: columns as they come, or what `prepare` made of them."""
        matrix = columns if isinstance(columns, np.ndarray) else self.prepare(columns)
        if not len(matrix):
            return Scores(np.empty(0), np.empty(0, dtype=bool), np.empty(0, dtype=np.intp), self.version)
        probabilities = self.calibrated(self._engine.raw_many(matrix))
        paid = probabilities >= self.threshold
        bands = np.where(probabilities >= self._low_risk_from, 0, np.where(paid, 1, 2))
        return Scores(probabilities, paid, bands, self.version)

    def effects(self, matrix: Matrix) -> Any:
        """Return SHAP values of calibrated log-odds by feature: a row each, a column for each of FEATURES."""
        return self._engine.effects(matrix)[:, :-1] @ self._by_feature

    def calibrated(self, raw: Any) -> Any:
        # Beyond 700 exp overflows; there the probability is 0 or 1 in any case.
        return 1.0 / (1.0 + np.exp(-np.clip(self._slope * raw + self._intercept, -700.0, 700.0)))

    def _score(self, raw: float, outside: tuple[str, ...]) -> Score:
        odds = max(-700.0, min(700.0, self._slope * raw + self._intercept))
        probability = 1.0 / (1.0 + math.exp(-odds))
        paid = probability >= self.threshold
        band = BANDS[0] if probability >= self._low_risk_from else BANDS[1] if paid else BANDS[2]
        return Score(FULLY_PAID if paid else CHARGED_OFF, probability, band, self.version, outside)


def _columns(sources: Sequence[int]) -> tuple[tuple[str, slice], ...]:
    """Return where in the matrix each feature is: the columns of one are neighbours."""
    spans = []
    for place, name in enumerate(FEATURES):
        known = [at for at, source in enumerate(sources) if source == place]
        spans.append((name, slice(known[0], known[-1] + 1) if known else slice(0, 0)))
    return tuple(spans)


def load(path: Path) -> Model:
    """Open an artefact and try its probes. Raises: BrokenArtefact, WrongArtefact."""
    header, payload, version = artefact.read(path)
    try:
        model = Model(header, open_engine(header.engine, payload), version)
        off = [probe for probe in header.probes if _differs(model, probe)]
    except WrongArtefact as error:
        raise WrongArtefact(f"{path}: {error}") from error
    except BrokenArtefact as error:
        raise BrokenArtefact(f"{path}: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenArtefact(f"{path}: has another header: {error!r}") from error
    if off or not header.probes:
        raise BrokenArtefact(f"{path}: {len(off)} of {len(header.probes)} probes score otherwise than when it was made")
    return model


def _differs(model: Model, probe: Mapping[str, Any]) -> bool:
    return abs(model.score(probe["values"]).probability - probe["probability"]) > PROBE_TOLERANCE
