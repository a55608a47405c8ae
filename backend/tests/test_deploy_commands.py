"""Operators' commands of the systems before (S2-O3), and what must not come back with them."""

from importlib import import_module
from pathlib import Path

import pytest
from celery.contrib.testing.worker import start_worker
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.module_loading import import_string

from backend.audit.models import AuditLog
from backend.common import jobs
from backend.identity.models import Role
from djangocrud.celery import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def away(settings):
    """The broker is where nobody listens."""
    settings.USE_CELERY = True
    address = app.conf.broker_url
    app.conf.broker_url = app.conf.broker_write_url = app.conf.broker_read_url = "redis+socket:///nowhere/valkey.sock"
    app.amqp._producer_pool = None
    app._pool = None
    yield
    app.conf.broker_url = app.conf.broker_write_url = app.conf.broker_read_url = address
    app.amqp._producer_pool = None
    app._pool = None


@pytest.mark.django_db
def test_roles_that_are_missing_come_back_and_others_stay(capsys):
    """S2-O3: idempotent."""
    Role.objects.filter(name="AUDITOR").delete()
    Role.objects.filter(name="CUSTOMER").update(description="ours")

    call_command("setup_roles")
    call_command("setup_roles")

    assert capsys.readouterr().out.splitlines() == ["made: AUDITOR", "every role is there"]
    assert set(Role.objects.values_list("name", flat=True)) == {"CUSTOMER", "SUPPORT_AGENT", "BANK_ADMIN", "AUDITOR"}
    assert Role.objects.get(name="CUSTOMER").description == "ours"
    assert "view_audit_logs" in Role.objects.get(name="AUDITOR").permissions
    assert AuditLog.objects.filter(action="role.restored").count() == 1


def test_without_celery_the_check_says_who_runs_jobs(capsys):
    call_command("celery_health_check")

    clock, words = capsys.readouterr().out.splitlines()
    assert clock == f"clock: {len(jobs.periodic())} tasks"
    assert words.startswith("USE_CELERY is off")


def test_a_job_goes_the_whole_way_in_this_process(capsys):
    call_command("test_celery")

    assert capsys.readouterr().out.startswith("ran by ")


def test_a_worker_is_found_and_runs_the_job(settings, capsys):
    """A real worker, over the real Valkey."""
    settings.USE_CELERY = True
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        call_command("celery_health_check", timeout=5)
        call_command("test_celery", timeout=30)

    said = capsys.readouterr().out.splitlines()
    assert said[1] == "broker: ok"
    assert said[2].startswith("workers: 1 (")
    assert said[3].startswith("ran by ")


def test_nobody_at_work_is_a_failure(settings):
    settings.USE_CELERY = True

    with pytest.raises(CommandError, match="no worker answered within 0.2 s"):
        call_command("celery_health_check", timeout=0.2)
    with pytest.raises(CommandError, match="nobody ran the job within 0.2 s"):
        call_command("test_celery", timeout=0.2)
    app.control.purge()


def test_a_broker_that_is_away_is_a_failure(away):
    with pytest.raises(CommandError, match="the broker does not answer"):
        call_command("celery_health_check", timeout=0.2)
    with pytest.raises(CommandError, match="the broker does not answer"):
        call_command("test_celery", timeout=0.2)


# What must not come back.


def test_celery_is_where_the_settings_say():
    """BUG-S2-27: no address in the code; what is acknowledged late is written to run twice."""
    assert app.conf.broker_url == settings.CELERY_BROKER_URL
    assert (app.conf.task_acks_late, app.conf.task_ignore_result) == (True, True)
    assert "redis://" not in (ROOT / "djangocrud" / "celery.py").read_text()


def test_everything_that_runs_by_the_clock_runs(committed):
    """BUG-S2-26: a name that is not imported fails each time, and a broad except hid it."""
    outcomes = {entry.name: entry.task.apply() for entry in jobs.periodic()}

    assert {name: outcome.traceback for name, outcome in outcomes.items() if not outcome.successful()} == {}
    assert len(outcomes) > 10


def test_the_applications_that_settings_name_are_there():
    """BUG-S1-39, BUG-S4-16."""
    assert callable(import_string(settings.ASGI_APPLICATION))
    assert {"daphne", "channels", "corsheaders", "rest_framework"} <= {config.name for config in apps.get_app_configs()}
    assert settings.MIDDLEWARE[0] == "corsheaders.middleware.CorsMiddleware"
    assert [name for name in settings.MIDDLEWARE if not import_string(name)] == []


def test_requirements_are_plain_text_and_pinned():
    """BUG-S1-40: one was UTF-16."""
    for path in [*ROOT.glob("requirements*.txt"), ROOT / "constraints.txt"]:
        lines = path.read_bytes().decode("ascii").splitlines()
        named = [line for line in lines if line and not line.startswith(("#", "-r ", "-c "))]
        assert [line for line in named if line.count("==") != 1] == []


def test_nobody_signs_in_by_basic_authentication():
    """BUG-S1-40."""
    classes = settings.REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"]

    assert [name for name in classes if "Basic" in name] == []


def test_every_slice_brings_its_migrations():
    """BUG-S4-17, BUG-S1-39."""
    slices = [
        config for config in apps.get_app_configs() if config.name.startswith("backend.") and list(config.get_models())
    ]

    assert slices
    for config in slices:
        module = import_module(f"{config.name}.migrations")
        assert list(Path(module.__path__[0]).glob("0001_*.py")), config.name


def test_no_module_stands_beside_a_package_of_its_name():
    """BUG-S4-17: which of the two is imported would be anybody's guess."""
    packages = [
        path.parent for folder in ("backend", "djangocrud", "ml") for path in (ROOT / folder).rglob("__init__.py")
    ]

    assert [path for path in packages if path.with_suffix(".py").exists()] == []
