"""Who may call what: every route of the OpenAPI document, with the status that each role gets.

Each slice keeps its own rows in `tests/access.py`, beside what calling its routes takes: `MAKERS` make the objects that
paths name, `BODIES` the bodies that are good enough to be carried out. Here they become one table.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from backend.tests.roles import Cases
from backend.tests.stage import Caller, Stage

BACKEND = Path(__file__).resolve().parents[1]


def slices() -> list[ModuleType]:
    """The access modules of all slices that have routes; a big slice has a package of them."""
    found = [*BACKEND.glob("*/tests/access.py"), *BACKEND.glob("*/tests/access/__init__.py")]
    names = sorted(path.relative_to(BACKEND).parts[0] for path in found)
    return [import_module(f"backend.{name}.tests.access") for name in names]


ACCESS: Mapping[str, Cases] = {route: cases for module in slices() for route, cases in module.ACCESS.items()}
MAKERS = {name: maker for module in slices() for name, maker in module.MAKERS.items()}
BODIES = {route: body for module in slices() for route, body in module.BODIES.items()}


def address_of(path: str, case: str, *, stage: Stage, caller: Caller) -> str:
    """Return the path with an object made for each name in it: the caller's own, another's, or somebody's above."""
    names = [name for name in MAKERS if f"{{{name}}}" in path]
    owner = stage.owner(case, caller) if names else caller.user
    return path.format(**{name: MAKERS[name](stage, owner, caller) for name in names})


def body_of(route: str, *, stage: Stage) -> Any:
    """Return a body that the route carries out, or None."""
    make = BODIES.get(route)
    return make(stage) if make else None
