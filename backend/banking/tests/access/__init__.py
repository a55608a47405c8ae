"""Who may call the routes of banking, door by door (backend/tests/access.py)."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

_PARTS = [
    import_module(f"{__name__}.{path.stem}")
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path.stem != "__init__"
]


def _joined(name: str) -> Mapping[str, Any]:
    return {key: value for part in _PARTS for key, value in getattr(part, name, {}).items()}


ACCESS = _joined("ACCESS")
BODIES = _joined("BODIES")
MAKERS = _joined("MAKERS")
UNRECORDED = _joined("UNRECORDED")
