"""What no linter sees: foreign keys, sizes, swallowed faults, who reads the environment, who needs no sign-in."""

import ast
import re
import subprocess
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

# Every file in turn: what runs there has tests of its own, and measuring it again takes half the time.
pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# Whoever adds a route here lets everybody in.
PUBLIC_ROUTES = {
    "",
    # Doors and what leads to them
    "api/register/",
    "api/login/",
    "api/logout/",
    "api/token/",
    "api/users/login/",
    "api/users/register/",
    "api/auth/login/",
    "api/auth/register/",
    "api/auth/register/draft/",
    "api/auth/refresh/",
    "api/auth/token/refresh/",
    "api/auth/password/forgot/",
    "api/auth/password/reset/",
    "api/user/create",
    "api/user/create/",
    "api/user/token",
    "api/user/token/",
}
# With an API key, where a stranger hears 403 (K-13); and Django's own admin site, which has its own door.
OTHER_DOORS = {
    "api/auth/api-key/",
    *(
        f"{mount}{route}"
        for mount in ("", "api/")
        for route in (
            *("customers/", "customers/upload/", "customers/<str:customer_external_id>/"),
            *("customers/<str:customer_external_id>/balance/", "loans/", "loans/<str:loan_external_id>/"),
            *("loans/<str:loan_external_id>/activate/", "loans/<str:loan_external_id>/reject/"),
            *("payments/", "payments/<str:payment_external_id>/"),
        )
    ),
}
# For whom a setting says (test_documents.py), and pages that are no part of the API (test_admin_site.py).
DOCUMENTS = {
    *("api/schema/", "swagger.json", "swagger.yaml"),
    *("api/docs/", "api/docs/swagger/", "swagger/", "api/redoc/", "redoc/"),
}
PAGES = (
    settings.ADMIN_URL,
    settings.ADMIN_HONEYPOT_URL,
    f"^{settings.ADMIN_HONEYPOT_URL}",
    "grappelli/",
    "favicon.ico",
    *("console/", "demo/"),
)
READERS_OF_THE_ENVIRONMENT = {"djangocrud/env.py", "djangocrud/settings_test.py"}


def layers() -> dict[str, int]:
    """Return how deep each slice stands, 0 on top, as import-linter's contract in pyproject.toml has it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rows,) = [contract["layers"] for contract in contracts if contract.get("containers") == ["backend"]]
    return {name: depth for depth, row in enumerate(rows) for name in re.findall(r"\w+", row)}


def python_files(*, tests: bool) -> Iterator[Path]:
    for folder in ("backend", "djangocrud"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            of_tests = "tests" in path.parts or path.name == "conftest.py"
            if "migrations" not in path.parts and (tests or not of_tests):
                yield path


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def own_models() -> list[type]:
    return [model for model in apps.get_models() if model.__module__.startswith("backend.")]


def routes(patterns: list[object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Return every route of the product with its view class."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), getattr(pattern.callback, "cls", pattern.callback)


ROUTES = dict(routes(get_resolver().url_patterns))


def test_the_contract_names_the_layers_of_the_design():
    """design.md section 1."""
    depth = layers()

    order = ["console", "assistant", "banking", "support", "identity", "audit", "realtime", "common"]
    assert sorted(order, key=depth.__getitem__) == order
    assert depth["audit"] == depth["notifications"]
    assert len({depth[name] for name in ("budget", "catalog", "fraud", "kyc", "support")}) == 1


def test_every_slice_has_its_layer():
    depth = layers()

    unplaced = {model._meta.label for model in own_models() if model.__module__.split(".")[1] not in depth}

    assert unplaced == set()


def test_foreign_keys_point_down_the_layers():
    """import-linter does not see a foreign key, which is a string."""
    depth = layers()
    upward = []
    for model in own_models():
        here = model.__module__.split(".")[1]
        for field in model._meta.get_fields():
            if field.is_relation and field.concrete and field.related_model:
                root, there = field.related_model.__module__.split(".")[:2]
                if root == "backend" and there != here and depth[there] <= depth[here]:
                    upward.append(f"{model._meta.label}.{field.name}")

    assert upward == []


def test_what_outlives_people_keeps_their_ids_as_numbers():
    """design.md section 1: realtime, audit and notifications have no foreign key to anybody."""
    relations = [
        f"{model._meta.label}.{field.name}"
        for model in own_models()
        if model.__module__.split(".")[1] in {"realtime", "audit", "notifications"}
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete and field.related_model.__module__ != model.__module__
    ]

    assert relations == []


@pytest.mark.django_db
def test_every_model_has_its_migrations(capsys):
    call_command("makemigrations", check=True, dry_run=True)

    assert capsys.readouterr().out == "No changes detected\n"


def test_no_migration_has_an_automatic_name():
    """style.md 1.7."""
    names = [path.name for path in (ROOT / "backend").rglob("migrations/*.py") if "_auto_" in path.name]

    assert names == []


def test_no_file_is_longer_than_one_can_keep_in_mind():
    """style.md 1.8."""
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in python_files(tests=False)}

    assert {name: lines for name, lines in sizes.items() if lines > FILE_LINES_MAX} == {}


def test_no_function_is_longer_than_a_screen():
    """style.md 1.8."""
    sizes = {
        f"{name_of(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in python_files(tests=True)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES_MAX} == {}


def test_no_fault_is_swallowed_in_silence():
    """BUG-S2-23, BUG-S1-19. `contextlib.suppress` names what it expects, and stands where one looks for it."""
    silent = [
        f"{name_of(path)}:{node.lineno}"
        for path in python_files(tests=True)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(line, ast.Pass) or _is_constant(line) for line in node.body)
    ]

    assert silent == []


def test_only_one_module_reads_the_environment():
    """design.md section 2. Naming the settings module for Django is writing, not reading."""
    readers = {name_of(path) for path in python_files(tests=False) if _reads_environment(ast.parse(path.read_text()))}

    assert readers == READERS_OF_THE_ENVIRONMENT


def test_only_these_routes_are_for_everybody():
    """BUG-S0-1, BUG-S0-28: nothing is open because nobody closed it."""
    public = {
        route
        for route, view in ROUTES.items()
        if not route.startswith(PAGES) and route not in DOCUMENTS
        if not [need for need in getattr(view, "permission_classes", []) if need is not AllowAny]
    }

    assert public == PUBLIC_ROUTES


@pytest.mark.django_db
@pytest.mark.parametrize(
    "route", sorted(r for r in set(ROUTES) - PUBLIC_ROUTES - OTHER_DOORS - DOCUMENTS if not r.startswith(PAGES))
)
def test_every_other_route_is_401_for_strangers(route):
    """K-22."""
    path = re.sub(r"<int:\w+>", "1", re.sub(r"<(uuid:|str:|slug:)?\w+>", str(uuid.uuid4()), route))

    answers = [getattr(APIClient(), method)(f"/{path}") for method in ("get", "post", "put", "patch", "delete")]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Bearer realm="ease"'}


def _is_constant(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _reads_environment(tree: ast.Module) -> bool:
    writes = {
        node.func.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "os.environ.setdefault"
        and isinstance(node.func, ast.Attribute)
    }
    imported = any(
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and {"environ", "getenv"} & {n.name for n in node.names}
        for node in ast.walk(tree)
    )
    used = any(
        isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"} and node not in writes
        for node in ast.walk(tree)
    )
    return imported or used


def test_nothing_is_committed_that_a_run_leaves_behind():
    """BUG-S2-30: no scans, logs, data or bytecode."""
    if not (ROOT / ".git").exists():
        pytest.skip("this copy has no history to look at")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )

    left = [
        name for name in listed if name.startswith(("var/", "media/")) or name.endswith((".pyc", ".log", ".sqlite3"))
    ]
    pictures = [name for name in listed if name.endswith((".png", ".jpg", ".jpeg", ".pdf"))]
    assert left == []
    assert [name for name in pictures if not name.startswith(("backend/docs/", "ml/plots/"))] == []
