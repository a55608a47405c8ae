"""The one file that a model is: a line with a hash, a line of JSON, and the trees in their library's own format.

    EASE-LOAN-MODEL 1 <SHA-256 of all that follows>
    {"engine": "catboost", "features": [...], "encoding": {...}, "calibration": {...}, ...}
    <CatBoost's .cbm or LightGBM's text>

No pickle: nothing in it is executed. The features and their order are in it and compared when it is read.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ml.columns import FEATURES
from ml.errors import BrokenArtefact, WrongArtefact

MAGIC = "EASE-LOAN-MODEL"
FORMAT = 1


@dataclass(frozen=True)
class Header:
    """`card`: what the model card tells. `reference`: how the training's features lie, in bins, for drift.
    `probes`: made-up rows with the scores they had when the file was made; they are tried whenever it is opened."""

    engine: str
    features: tuple[str, ...]
    encoding: dict[str, Any]
    calibration: dict[str, float]
    threshold: float
    low_risk_from: float
    probes: list[dict[str, Any]]
    reference: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)


def write(path: Path, header: Header, payload: bytes) -> str:
    """Write the file in one step and return its version, which is its content's hash: the same content, the same."""
    text = json.dumps(asdict(header), sort_keys=True, separators=(",", ":"), allow_nan=False)
    body = text.encode() + b"\n" + payload
    digest = hashlib.sha256(body).hexdigest()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_bytes(f"{MAGIC} {FORMAT} {digest}\n".encode() + body)
    partial.replace(path)
    return version_of(digest)


def read(path: Path) -> tuple[Header, bytes, str]:
    """Return header, trees and version.

    Raises: BrokenArtefact (missing, cut, altered), WrongArtefact (another format or feature set); both name the file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BrokenArtefact(f"{path}: cannot be read: {error.strerror}") from error
    first, _, body = content.partition(b"\n")
    words = first.decode("ascii", "replace").split(" ")
    if words[0] != MAGIC or len(words) != 3:
        raise BrokenArtefact(f"{path}: is not a loan model")
    if words[1] != str(FORMAT):
        raise WrongArtefact(f"{path}: is of format {words[1]}, and this code reads format {FORMAT}")
    digest = hashlib.sha256(body).hexdigest()
    if digest != words[2]:
        raise BrokenArtefact(f"{path}: was cut or altered: its content is not that of its hash")
    text, _, payload = body.partition(b"\n")
    return _header(path, text), payload, version_of(digest)


def _header(path: Path, text: bytes) -> Header:
    try:
        facts = json.loads(text)
        features = tuple(facts.pop("features"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenArtefact(f"{path}: has no header") from error
    if features != FEATURES:
        raise WrongArtefact(f"{path}: is made for another feature set: {_difference(features)}")
    return _checked(path, {**facts, "features": features})


def _checked(path: Path, facts: Mapping[str, Any]) -> Header:
    try:
        return Header(**facts)
    except TypeError as error:
        raise BrokenArtefact(f"{path}: has another header: {error}") from error


def _difference(features: tuple[str, ...]) -> str:
    lacks = [name for name in FEATURES if name not in features]
    more = [name for name in features if name not in FEATURES]
    if not lacks and not more:
        return "the same features in another order"
    parts = [f"it lacks {', '.join(lacks)}"] if lacks else []
    return "; ".join(parts + ([f"it has {', '.join(more)}"] if more else []))


def version_of(digest: str) -> str:
    return f"loan-status-{FORMAT}-{digest[:12]}"
