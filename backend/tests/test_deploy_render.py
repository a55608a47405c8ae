"""render.yaml: two environments that start, drain, and share nothing (S1-O1 to S1-O6, BUG-S1-39, BUG-S4-23)."""

import base64
import secrets
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from djangocrud.celery import app as celery_app
from djangocrud.env import Env, load
from djangocrud.serve import _parser as serve_options

ROOT = Path(__file__).resolve().parents[2]
STAGING, PRODUCTION = "easeapi", "ease-backend"
WEB = (STAGING, PRODUCTION)
# What an operator is asked for at the first sync: what it might be.
ASKED = {
    "AWS_STORAGE_BUCKET_NAME": "ease-files",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_S3_REGION_NAME": "eu-central-1",
    "CORS_ALLOWED_ORIGINS": "https://app.example.com",
    "CSRF_TRUSTED_ORIGINS": "https://app.example.com",
    "EMAIL_HOST": "smtp.example.com",
    "EMAIL_HOST_USER": "ease",
    "EMAIL_HOST_PASSWORD": "secret",
    "DEFAULT_FROM_EMAIL": "Ease <no-reply@example.com>",
    "PASSWORD_RESET_URL": "https://app.example.com/reset/?token=",
    "ADMINS": "ops@example.com",
    "SENTRY_DSN": "https://key@sentry.example.com/1",
    "OPENAI_KEY": "sk-1",
    "OPENAI_BASE_URL": "https://api.openai.com/v1",
    "OPENAI_MODEL": "gpt-4o-mini",
    "PARTNER_DEFAULT_BANK": "00000000-0000-0000-0000-000000000001",
}
# Read by Render itself; and by parts that watch and that assist, where they are built in.
NOT_OURS = {"PYTHON_VERSION"}


@cache
def blueprint() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "render.yaml").read_text())


def services(kind: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in blueprint()["services"] if one["type"] == kind}


def programs() -> dict[str, dict[str, Any]]:
    return services("web") | services("worker")


def group(name: str) -> list[dict[str, Any]]:
    (found,) = [one["envVars"] for one in blueprint()["envVarGroups"] if one["name"] == name]
    return found


def environment(service: dict[str, Any]) -> dict[str, str]:
    """Return the environment that Render gives a service, with an example of each value that it makes or asks for."""
    found: dict[str, str] = {}
    for entry in service["envVars"]:
        if "fromGroup" in entry:
            found |= {one["key"]: value_of(one) for one in group(entry["fromGroup"])}
        else:
            found[entry["key"]] = value_of(entry)
    return found


def value_of(entry: dict[str, Any]) -> str:
    if entry.get("generateValue"):
        return base64.b64encode(secrets.token_bytes(32)).decode()  # as Render's reference says
    if "fromDatabase" in entry:
        return "postgresql://ease:secret@dpg-1-a/ease"
    if entry.get("fromService", {}).get("property") == "connectionString":
        return "redis://red-1:6379"
    if "fromService" in entry or entry.get("sync") is False:
        return ASKED[entry["key"]]
    return str(entry["value"])


def test_staging_and_production_are_the_services_that_there_were():
    """S1-O5."""
    assert set(services("web")) == set(WEB)
    assert set(services("worker")) == {f"{name}-{role}" for name in WEB for role in ("worker", "beat")}


@pytest.mark.parametrize("name", programs())
def test_every_program_is_given_what_a_production_refuses_to_start_without(name):
    env = load(environment(programs()[name]))

    assert (env.production, env.use_celery, env.uses_embedded, env.proxy_count) == (True, True, False, 1)


def test_without_any_of_the_needed_variables_the_start_would_be_refused_by_its_name():
    """So that the test above is one: nothing of this is given twice or by default."""
    given = environment(services("web")[PRODUCTION])
    needed = {"SECRET_KEY", "AUDIT_KEY", "SSN_HASH_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "PROXY_COUNT"}
    needed |= {name for name in given if name.startswith("ENCRYPTION_KEY_")} | {"AUDIT_CHECKPOINTS"}
    needed |= {"AWS_STORAGE_BUCKET_NAME"}

    for name in needed:
        with pytest.raises(SystemExit, match=f"{name} must"):
            load({key: value for key, value in given.items() if key != name})


@pytest.mark.parametrize("name", programs())
def test_every_variable_is_one_that_is_read(name):
    known = {str(field.validation_alias or key).upper() for key, field in Env.model_fields.items()}

    assert set(environment(programs()[name])) - known - NOT_OURS == set()


def test_what_is_random_is_generated_and_what_is_anothers_is_asked_for():
    """BUG-S3-8, BUG-S4-15: no secret stands in the file."""
    secret_names = {name.upper() for name, field in Env.model_fields.items() if "Secret" in str(field.annotation)}
    for name in WEB:
        own = {one["key"]: one for one in group(f"{name}-own")}
        asked = {one["key"]: one for one in services("web")[name]["envVars"] if "key" in one}
        written = {key for key, one in (own | asked).items() if "value" in one}

        assert written == {"ALLOWED_HOSTS"}
        assert {key for key, one in own.items() if one.get("generateValue")} == set(own) - {"ALLOWED_HOSTS"}
        assert secret_names & {one["key"] for one in group("ease-common")} == set()


def test_groups_hold_only_what_render_allows_in_them():
    """Values and generated values; what refers to a service or is asked for belongs to services."""
    kinds = {kind for one in blueprint()["envVarGroups"] for entry in one["envVars"] for kind in entry}

    assert kinds == {"key", "value", "generateValue"}


def test_the_two_environments_share_no_secret_store_or_queue():
    def of(name: str) -> set[str]:
        mine = [one for one in programs().values() if one["name"].startswith(name)]
        entries = [entry for one in mine for entry in one["envVars"]]
        found = {entry["fromGroup"] for entry in entries if "fromGroup" in entry} - {"ease-common"}
        found |= {entry["fromDatabase"]["name"] for entry in entries if "fromDatabase" in entry}
        return found | {entry["fromService"]["name"] for entry in entries if "fromService" in entry}

    assert of(STAGING) & of(PRODUCTION) == set()
    assert len(of(STAGING)) == len(of(PRODUCTION)) == 4


def test_whatever_is_referred_to_exists():
    names = {one["name"] for one in blueprint()["services"]} | {one["name"] for one in blueprint()["databases"]}
    groups = {one["name"] for one in blueprint()["envVarGroups"]}
    for service in programs().values():
        for entry in service["envVars"]:
            source = entry.get("fromService") or entry.get("fromDatabase")
            if source and "envVarKey" in source:
                theirs = {one.get("key") for one in programs()[source["name"]]["envVars"]}
                assert source["envVarKey"] in theirs
            assert source is None or source["name"] in names
            assert entry.get("fromGroup", "ease-common") in groups


def test_python_is_the_version_of_runtime_txt():
    (version,) = [entry["value"] for entry in group("ease-common") if entry["key"] == "PYTHON_VERSION"]

    assert f"python-{version}" == (ROOT / "runtime.txt").read_text().strip()


def test_key_value_never_evicts_and_nothing_of_the_data_is_public():
    stores = services("keyvalue").values()

    assert [one["maxmemoryPolicy"] for one in stores] == ["noeviction"] * 2
    assert [one["ipAllowList"] for one in [*stores, *blueprint()["databases"]]] == [[]] * 4


@pytest.mark.parametrize("name", WEB)
def test_the_web_service_is_built_migrated_served_and_watched(name):
    """S1-O6. BUG-S1-39: migrations are made by developers, never by a deploy. BUG-S4-23: migrate is not forgotten."""
    web = services("web")[name]

    assert web["runtime"] == "python"
    assert web["buildCommand"].endswith("python manage.py collectstatic --noinput")
    assert web["preDeployCommand"] == "python manage.py migrate --noinput"
    assert web["healthCheckPath"] == "/livez"
    python, m, module, *options = shlex.split(web["startCommand"].replace("$PORT", "10000"))
    served = serve_options().parse_args(options)
    assert (python, m, module, served.host, served.port) == ("python", "-m", "djangocrud.serve", "0.0.0.0", 10000)


def test_nobody_makes_migrations_on_a_server():
    commands = [value for one in programs().values() for key, value in one.items() if key.endswith("Command")]

    assert [command for command in commands if "makemigrations" in command] == []


@pytest.mark.parametrize("name", services("worker"))
def test_workers_and_beats_run_our_celery(name):
    worker = services("worker")[name]
    celery, flag, module, command, *_ = shlex.split(worker["startCommand"])

    assert (celery, flag, module) == ("celery", "-A", "djangocrud.celery")
    assert command == ("beat" if name.endswith("beat") else "worker")
    assert celery_app.conf.beat_schedule
    # Two of one clock would only enqueue what then runs once.
    assert worker["numInstances"] == 1 or command == "worker"


@pytest.mark.parametrize("name", programs())
def test_there_is_time_to_drain_before_the_process_is_killed(name):
    program = programs()[name]
    drain_s = load(environment(program)).drain_seconds

    assert drain_s + 10 <= program["maxShutdownDelaySeconds"] <= 300 or name.endswith("beat")


def test_a_deploy_happens_only_by_the_hook():
    """S3-O8: after the checks, per environment (.github/workflows/deploy.yml)."""
    assert {one["autoDeployTrigger"] for one in programs().values()} == {"off"}
