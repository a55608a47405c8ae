"""Opening artefacts. numpy and the library of the trees (0.6 s, 70 MB) come with the first one, not with an import."""

import importlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ml.inference.model import Model

_opened: dict[Path, "Model"] = {}
_opening = threading.Lock()


def load(path: Path) -> "Model":
    """Open an artefact and try its probes. Raises: BrokenArtefact, WrongArtefact."""
    return cast("Model", importlib.import_module("ml.inference.model").load(path))


def opened(path: Path) -> "Model":
    """Return the process's model of this path, loaded by whoever asks first, after any fork.

    A file that cannot be used is tried again at the next call, so putting a sound one in its place heals.
    """
    model = _opened.get(path)
    if model is None:
        with _opening:
            model = _opened.get(path)
            if model is None:
                model = _opened[path] = load(path)
    return model
