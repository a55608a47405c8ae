"""Fixtures for every slice. PostgreSQL and Valkey are real; each parallel worker has databases of its own."""

import fcntl
import gc
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import coverage
import psycopg2
import psycopg2.errors
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from rest_framework.test import APIClient

from backend.identity.models import Role, User, UserRole
from backend.identity.services import sessions
from backend.tests.frames import check_frame
from backend.tests.servers import Server
from bench.client import ChatClient

PREFIX = "test_template_"
LONG = {"test_access.py", "test_schema_fuzz.py"}
PASSWORD = "correct horse battery staple"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: two a core. Tests of server processes mostly wait, for starts, for ends, for what must not come."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no worker is left alone with it in the end: tables of every route, which
    keep a worker busy for minutes, then the bench, then servers."""
    servers = {item.path for item in items if item.get_closest_marker("server")}
    items.sort(
        key=lambda item: (item.path.name not in LONG, item.path.parent.name != "bench", item.path not in servers)
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep what was imported and collected out of garbage collection: else each one walks all tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _frames_are_as_documented() -> None:
    ChatClient.check_frame = staticmethod(check_frame)


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture(scope="session")
def template_database(tmp_path_factory: pytest.TempPathFactory, worker: str, django_db_blocker: Any) -> str:
    """A migrated, empty database. The first worker makes it, all others clone it, which takes milliseconds.

    It is left behind, since no worker knows that it is the last; a later run drops what is older than three hours.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker == "main" else base.parent
    hour = int(shared.stat().st_ctime // 3600)
    name = f"{PREFIX}{hour}_{shared.name}".replace("-", "_")
    with _locked(shared / "template.lock"):
        if not (shared / "template.done").exists():
            _drop_old(hour - 3)
            _admin(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
            with django_db_blocker.unblock(), _using(name), _unmeasured():
                call_command("migrate", verbosity=0)
            (shared / "template.done").touch()
    return name


@pytest.fixture(scope="session")
def django_db_setup(template_database: str, worker: str, django_db_blocker: Any) -> Iterator[None]:
    """Every test with `django_db` uses this worker's own clone."""
    with _clone(template_database, f"{template_database}_{worker}") as name:
        with django_db_blocker.unblock():
            connection.close()
            settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
        yield
        with django_db_blocker.unblock():
            connections.close_all()


@pytest.fixture(scope="session")
def live_database(template_database: str, worker: str) -> Iterator[str]:
    """A database for tests that talk to a server process: what they write is committed and stays."""
    with _clone(template_database, f"{template_database}_{worker}_live") as name:
        yield name


@pytest.fixture(scope="session")
def server(live_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server process of this worker, on `live_database`. Tests that stop or kill one start their own."""
    made = Server(live_database, folder=tmp_path_factory.mktemp("server"))
    with made.running():
        yield made


@pytest.fixture
def live(server: Server, django_db_blocker: Any) -> Iterator[Server]:
    """The worker's server, with this process's ORM pointed at the server's database, committing for real."""
    with django_db_blocker.unblock(), _using(server.database):
        yield server


@pytest.fixture
def make_user() -> Callable[..., User]:
    """Make users with names of their own: `make_user("SUPPORT_AGENT", is_staff=True)`.

    Straight into the tables: nobody can have heard of them before, and every test makes some.
    """

    def make(*role_names: str, **fields: Any) -> User:
        name = fields.pop("first_name", "Person")
        email = fields.pop("email", f"{uuid.uuid4().hex[:12]}@example.com")
        user = User.objects.create_user(email, fields.pop("password", PASSWORD), first_name=name, **fields)
        held = Role.objects.filter(name__in=role_names or ["CUSTOMER"])
        UserRole.objects.bulk_create([UserRole(user=user, role=role) for role in held])
        return user

    return make


@pytest.fixture
def token_of() -> Callable[[User], str]:
    """Open a session and return its access token."""
    return lambda user: sessions.open_session(user=user, door="s1").access


@pytest.fixture
def client_of(token_of: Callable[[User], str]) -> Callable[[User | None], APIClient]:
    """Return an API client signed in as the user; with None, an anonymous one."""

    def make(user: User | None) -> APIClient:
        client = APIClient()
        if user is not None:
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
        return client

    return make


@contextmanager
def _unmeasured() -> Iterator[None]:
    """Pause the measuring of coverage. All workers wait meanwhile, and it makes that three times as long."""
    measuring = coverage.Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()


@contextmanager
def _using(database: str) -> Iterator[None]:
    """Point Django's connection at another database of the same server for a while."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = database
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


@contextmanager
def _clone(template: str, name: str) -> Iterator[str]:
    _admin(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield name
    finally:
        _drop(name)


def _drop_old(before_hour: int) -> None:
    """Drop what runs of earlier hours have left, killed ones too."""
    for (name,) in _admin("SELECT datname FROM pg_database WHERE datname LIKE 'test_template_%'"):
        hour = name.removeprefix(PREFIX).partition("_")[0]
        if hour.isdigit() and int(hour) < before_hour:
            _drop(name)


def _drop(name: str) -> None:
    """Drop a database, by force where somebody is still connected."""
    try:
        _admin(f'DROP DATABASE IF EXISTS "{name}"')
    except psycopg2.errors.ObjectInUse:
        _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _admin(*statements: str) -> list[Any]:
    """Run statements that no transaction may hold, from the database that always exists; return the last one's rows."""
    parts = settings.DATABASES["default"]
    raw = psycopg2.connect(
        dbname="postgres",
        user=parts["USER"],
        password=parts["PASSWORD"],
        host=parts["HOST"],
        port=parts["PORT"] or None,
    )
    try:
        raw.set_session(autocommit=True)
        with raw.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        raw.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
