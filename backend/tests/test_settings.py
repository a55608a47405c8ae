"""The environment as it is read at the start (design.md section 2, K-56 to K-59)."""

import base64
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dj_database_url
import pytest

from backend.common.encryption import key_from
from djangocrud import env as module
from djangocrud.env import Env, load

ROOT = Path(module.__file__).resolve().parents[1]
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "ALLOWED_HOSTS": "ease.example",
    "DATABASE_URL": "postgresql://ease:pw@db:5432/ease",
    "REDIS_URL": "redis://cache:6379/0",
    "PROXY_COUNT": "1",
    "AUDIT_KEY": "1:0123456789abcdef0123456789abcdef",
    "AUDIT_CHECKPOINTS": "storage:audit",
    "ENCRYPTION_KEY_DOCUMENTS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "ENCRYPTION_KEY_SSN": "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=",
    "ENCRYPTION_KEY_ADDRESS": "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=",
    "SSN_HASH_KEY": "0123456789abcdef0123456789abcdef",
    "ENCRYPTION_KEY_OTP": "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=",
    "ENCRYPTION_KEY_WEBHOOKS": "MTIzNDU2Nzg5MGFiY2RlZmZlZGNiYTA5ODc2NTQzMjE=",
    "AWS_STORAGE_BUCKET_NAME": "ease-files",
}


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SystemExit) as caught:
        load(environ)
    return str(caught.value)


def test_development_needs_nothing():
    env = load({})

    assert (env.environment, env.production, env.debug, env.uses_embedded) == ("development", False, False, True)
    assert (env.allowed_hosts, env.proxy_count, env.host, env.port) == ((), None, "127.0.0.1", 8000)
    assert env.database_address == env.embedded.database_url
    assert env.redis_addresses == (env.embedded.redis_url,)
    assert env.embedded.home == ROOT / "var"


def test_production_with_everything_starts():
    env = load(PRODUCTION)

    assert (env.production, env.debug, env.uses_embedded) == (True, False, False)
    assert env.database_address == "postgresql://ease:pw@db:5432/ease"
    assert env.redis_addresses == ("redis://cache:6379/0",)
    assert env.signing_key == "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY must be set, with at least 32 characters"),
        ({"SECRET_KEY": "changeme"}, "SECRET_KEY must be set, with at least 32 characters"),
        (
            {"SECRET_KEY": "django-insecure-0123456789abcdef0123456789"},
            "SECRET_KEY must not be the one that startproject made",
        ),
        ({"SECRET_KEY": "ab" * 30}, "SECRET_KEY must be random, not a few characters over and over"),
        ({"ENCRYPTION_KEY_ADDRESS": ""}, "ENCRYPTION_KEY_ADDRESS must be set"),
        ({"RATE_LIMIT_EXEMPT": "10.0.0.0/8"}, "RATE_LIMIT_EXEMPT must not be set"),
        ({"COOKIE_SECURE": "off"}, "COOKIE_SECURE must be on"),
        (
            {"DEFAULT_PERMISSION_CLASSES": "rest_framework.permissions.AllowAny"},
            "DEFAULT_PERMISSION_CLASSES must not be AllowAny",
        ),
        (
            {"EMAIL_HOST": "mail.ease.example"},
            "PASSWORD_RESET_URL must be an https address where EMAIL_HOST sends mail that names it",
        ),
        ({"DEBUG": "1"}, "DEBUG must be off"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS must name the hosts, without *"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name the hosts, without *"),
        ({"ALLOWED_HOSTS": "ease.example, *"}, "ALLOWED_HOSTS must name the hosts, without *"),
        ({"DATABASE_URL": ""}, "DATABASE_URL must be set"),
        ({"REDIS_URL": ""}, "REDIS_URL must be set"),
        ({"PROXY_COUNT": ""}, "PROXY_COUNT must say how many proxies stand in front (0 for none)"),
        ({"AUDIT_KEY": ""}, "AUDIT_KEY must be set, with at least 32 characters"),
        ({"AUDIT_KEY": "changeme"}, "AUDIT_KEY must be set, with at least 32 characters"),
        (
            {"AUDIT_KEY": "1:0123456789abcdef0123456789abcdef 2:short"},
            "AUDIT_KEY must be set, with at least 32 characters",
        ),
        ({"AUDIT_CHECKPOINTS": ""}, "AUDIT_CHECKPOINTS must name a place outside of the database"),
        ({"ENCRYPTION_KEY_DOCUMENTS": ""}, "ENCRYPTION_KEY_DOCUMENTS must be set"),
        ({"ENCRYPTION_KEY_SSN": ""}, "ENCRYPTION_KEY_SSN must be set"),
        ({"SSN_HASH_KEY": "short"}, "SSN_HASH_KEY must be set, with at least 32 characters"),
        ({"ENCRYPTION_KEY_OTP": ""}, "ENCRYPTION_KEY_OTP must be set"),
        ({"ENCRYPTION_KEY_WEBHOOKS": ""}, "ENCRYPTION_KEY_WEBHOOKS must be set"),
        ({"WEBHOOK_LOOPBACK": "on"}, "WEBHOOK_LOOPBACK must not be set"),
        ({"METRICS_TOKEN": "guessable"}, "METRICS_TOKEN must have at least 24 characters"),
        ({"SENTRY_DSN": "https://sentry.io/1"}, "SENTRY_DSN: must look like https://key@host/number"),
        ({"ADMIN_URL": "admin"}, "ADMIN_URL and ADMIN_HONEYPOT_URL must differ"),
        (
            {"AWS_STORAGE_BUCKET_NAME": ""},
            "AWS_STORAGE_BUCKET_NAME must be set: files are not kept on local disks",
        ),
    ],
    ids=lambda value: "=".join(*value.items()) if isinstance(value, dict) else "",
)
def test_production_refuses_what_is_weak_by_the_name_of_the_variable(change, reason):
    """BUG-S2-31, BUG-S3-8, BUG-S4-15."""
    assert refusal({**PRODUCTION, **change}) == f"ease: configuration refused: {reason}"


def test_production_names_all_that_is_missing_at_once():
    text = refusal({"ENVIRONMENT": "production", "DEBUG": "on"})

    named = [name for name in (*PRODUCTION, "DEBUG") if f"{name} must" in text]
    assert named == [*(name for name in PRODUCTION if name != "ENVIRONMENT"), "DEBUG"]
    assert "\n" not in text


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("ENVIRONMENT", "staging", "ENVIRONMENT: Input should be 'development' or 'production'"),
        (
            "WEB_THREADS",
            "four",
            "WEB_THREADS: Input should be a valid integer, unable to parse string as an integer",
        ),
        ("WEB_THREADS", "0", "WEB_THREADS: Input should be greater than or equal to 1"),
        (
            "DRAIN_SECONDS",
            "soon",
            "DRAIN_SECONDS: Input should be a valid number, unable to parse string as a number",
        ),
        ("BIND_PORT", "70000", "BIND_PORT: Input should be less than or equal to 65535"),
        ("AUDIT_KEY", "1:one two", "AUDIT_KEY: must be one secret, or versions such as 1:secret 2:secret"),
        ("AUDIT_KEY", "0:one", "AUDIT_KEY: must be one secret, or versions such as 1:secret 2:secret"),
        ("AUDIT_KEY", "1:one 1:two", "AUDIT_KEY: names a version twice"),
        ("PROXY_COUNT", "-1", "PROXY_COUNT: Input should be greater than or equal to 0"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("DEBUG", "maybe", "DEBUG: Input should be a valid boolean, unable to interpret input"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL: must look like postgresql://user:password@host:5432/name"),
        ("DATABASE_URL", "mysql://h/x", "DATABASE_URL: must look like postgresql://user:password@host:5432/name"),
        (
            "DATABASE_URL",
            "postgresql://h:port/x",
            "DATABASE_URL: must look like postgresql://user:password@host:5432/name",
        ),
        ("REDIS_URL", "redis://a:6379 b:6379", "REDIS_URL: must look like redis://host:6379/0"),
        (
            "ENCRYPTION_KEY_DOCUMENTS",
            "hunter2",
            "ENCRYPTION_KEY_DOCUMENTS: a key is 32 bytes in base64, 44 characters",
        ),
        (
            "ENCRYPTION_KEY_DOCUMENTS",
            f"{PRODUCTION['ENCRYPTION_KEY_DOCUMENTS']} {PRODUCTION['ENCRYPTION_KEY_DOCUMENTS']}",
            "ENCRYPTION_KEY_DOCUMENTS: names one version twice",
        ),
        (
            "CSRF_TRUSTED_ORIGINS",
            "app.example.com",
            "CSRF_TRUSTED_ORIGINS: must be origins such as https://app.example.com, without a path",
        ),
        (
            "CORS_ALLOWED_ORIGINS",
            "https://app.example.com/",
            "CORS_ALLOWED_ORIGINS: must be origins such as https://app.example.com, without a path",
        ),
    ],
)
def test_a_malformed_value_is_refused_in_one_line_that_names_it(variable, value, reason):
    assert refusal({variable: value}) == f"ease: configuration refused: {reason}"


@pytest.mark.parametrize("change", [{"FRAUD_HOLD_FROM": "40"}, {"FRAUD_ALERT_FROM": "76"}])
def test_what_is_held_is_always_seen(change):
    """design.md section 6: somebody has to decide a hold."""
    assert "FRAUD_ALERT_FROM must not be above" in refusal(change)


def test_a_refusal_shows_no_secret():
    text = refusal({**PRODUCTION, "SECRET_KEY": "hunter2", "DATABASE_URL": "mysql://ease:hunter2@db/ease"})

    assert "hunter2" not in text
    assert "hunter2" not in repr(load({"SECRET_KEY": "hunter2", "DEMO_PASSWORD": "hunter2"}))


@pytest.mark.parametrize("word", ["1", "true", "True", "TRUE", "yes", "on", " t ", "Y"])
def test_debug_is_switched_on_by_any_of_these(word):
    """K-59."""
    assert load({"DEBUG": word}).debug is True


@pytest.mark.parametrize("word", ["0", "false", "False", "no", "off", "F", "n", ""])
def test_debug_is_switched_off_by_any_of_these(word):
    """K-59."""
    assert load({"DEBUG": word}).debug is False


@pytest.mark.parametrize(
    "text", ["a.example,b.example", "a.example b.example", " a.example , b.example\n", "a.example,,b.example,"]
)
def test_lists_are_separated_by_commas_or_spaces(text):
    """K-57."""
    assert load({"ALLOWED_HOSTS": text}).allowed_hosts == ("a.example", "b.example")


def test_every_list_is_read_alike():
    env = load(
        {
            "CSRF_TRUSTED_ORIGINS": "https://a.example, https://*.b.example:8443",
            "CORS_ALLOWED_ORIGINS": "http://localhost:3000 https://a.example",
            "REDIS_URL": "redis://one:6379/0, rediss://:pw@two:6379/1",
            "DATABASE_URL": "postgres://h/x",
        }
    )

    assert env.csrf_trusted_origins == ("https://a.example", "https://*.b.example:8443")
    assert env.cors_allowed_origins == ("http://localhost:3000", "https://a.example")
    assert env.redis_addresses == ("redis://one:6379/0", "rediss://:pw@two:6379/1")
    assert env.uses_embedded is False


@pytest.mark.parametrize("name", ["ALLOWED_HOST", "DJANGO_ALLOWED_HOSTS"])
def test_older_names_of_the_hosts_are_understood(name):
    """K-57."""
    assert load({name: "a.example"}).allowed_hosts == ("a.example",)
    assert load({name: "a.example", "ALLOWED_HOSTS": "b.example"}).allowed_hosts == ("b.example",)


def test_the_older_name_of_the_key_is_understood():
    """S3-O4."""
    assert load({"DJANGO_SECRET_KEY": "older"}).signing_key == "older"
    assert load({"DJANGO_SECRET_KEY": "older", "SECRET_KEY": "newer"}).signing_key == "newer"


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        pytest.param(
            {
                "DATABASE_NAME": "bank",
                "DATABASE_USER": "u",
                "DATABASE_PASSWD": "p",
                "DATABASE_HOST": "h",
                "DATABASE_PORT": "5433",
            },
            "postgresql://u:p@h:5433/bank",
            id="S4",
        ),
        pytest.param(
            {"DB_NAME": "bank", "DB_USER": "u", "DB_PASSWORD": "p", "DB_HOST": "h", "DB_PORT": "5433"},
            "postgresql://u:p@h:5433/bank",
            id="S2",
        ),
        pytest.param(
            {"DB_NAME": "bank", "DB_USER": "u", "DB_PASS": "p", "DB_HOST": "h"},
            "postgresql://u:p@h:5432/bank",
            id="S3",
        ),
        pytest.param(
            {"DATABASE_NAME": "bank", "USERNAME": "u", "PASSWORD": "p", "HOST": "h", "PORT": "5433"},
            "postgresql://u:p@h:5433/bank",
            id="S0, as its code reads it",
        ),
        pytest.param(
            {
                "DATABASE_NAME": "bank",
                "USERNAME": "u",
                "PASSWORD": "p",
                "DATABASE_HOST": "h",
                "DATABASE_PORT": "5433",
                "HOST": "shell",
                "PORT": "1",
            },
            "postgresql://u:p@h:5433/bank",
            id="S0, as it is documented",
        ),
        pytest.param(
            {"DATABASE_NAME": "bank", "DATABASE_USER": "u", "USERNAME": "x", "PASSWORD": "x", "HOST": "x", "PORT": "1"},
            "postgresql://u@localhost:5432/bank",
            id="bare names do not count beside a user",
        ),
        pytest.param(
            {"DB_NAME": "bank", "USERNAME": "x", "PASSWORD": "x", "HOST": "x", "PORT": "1"},
            "postgresql://@localhost:5432/bank",
            id="bare names do not count for S2 and S3",
        ),
        pytest.param(
            {"DB_NAME": "b/k", "DB_USER": "u@x", "DB_PASSWORD": "p:/?#%", "DB_HOST": "h"},
            "postgresql://u%40x:p%3A%2F%3F%23%25@h:5432/b%2Fk",
            id="odd characters",
        ),
        pytest.param(
            {"DB_NAME": "bank", "DB_USER": "u", "DB_HOST": "::1"}, "postgresql://u@[::1]:5432/bank", id="IPv6"
        ),
        pytest.param(
            {"DB_NAME": "bank", "DB_USER": "u", "DB_HOST": "/run/pg"},
            "postgresql://u@%2Frun%2Fpg:5432/bank",
            id="a socket",
        ),
        pytest.param(
            {"DATABASE_URL": "postgresql://h/canonical", "DATABASE_NAME": "bank", "DB_NAME": "bank"},
            "postgresql://h/canonical",
            id="the canonical name wins",
        ),
    ],
)
def test_older_spellings_of_the_database_are_understood(environ, url):
    """K-56, K-58."""
    assert load(environ).database_url == url


def test_odd_characters_reach_the_driver_as_they_were():
    url = load({"DB_NAME": "b/k", "DB_USER": "u@x", "DB_PASSWORD": "p:/?#%", "DB_HOST": "/run/pg"}).database_url

    parts = dj_database_url.parse(url)

    assert (parts["NAME"], parts["USER"], parts["PASSWORD"], parts["HOST"]) == ("b/k", "u@x", "p:/?#%", "/run/pg")


@pytest.mark.parametrize(
    "environ", [{"HOST": "laptop", "PORT": "1", "USERNAME": "ana", "PASSWORD": "x"}, {"DB_USER": "u"}]
)
def test_without_a_database_name_there_is_no_database_to_reach(environ):
    """K-58: shells set HOST and USERNAME for reasons of their own."""
    env = load(environ)

    assert (env.database_url, env.host, env.port, env.uses_embedded) == ("", "127.0.0.1", 8000, True)


def test_an_empty_value_counts_as_not_set():
    assert load({"WEB_THREADS": "", "ENVIRONMENT": ""}) == Env()


def test_values_of_the_right_type_are_taken_as_they_are():
    env = Env(debug=True, allowed_hosts=("a.example",))

    assert (env.debug, env.allowed_hosts) == (True, ("a.example",))


def test_unknown_variables_are_nobodys_business():
    assert load({"PATH": "/bin", "BOT_TOKEN": "x"}) == Env()


def test_the_process_environment_counts_more_than_the_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("LAYER_PREFIX=from-file\nLOG_LEVEL=ERROR\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setenv("LAYER_PREFIX", "from-process")
    monkeypatch.delenv("LOG_LEVEL", raising=False)

    env = load()

    assert (env.layer_prefix, env.log_level) == ("from-process", "ERROR")


def test_the_development_key_is_made_once_and_kept_from_others(tmp_path):
    env = load({"EASE_VAR": str(tmp_path / "var")})

    first, second = env.signing_key, load({"EASE_VAR": str(tmp_path / "var")}).signing_key

    assert first == second
    assert len(first) >= 50
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret_key"]


def test_two_starts_that_make_the_key_at_once_agree(tmp_path):
    """As `make run` and a worker do on a new machine. The door that both wait at is opened when both are there."""
    program = (
        "import sys, pathlib; from djangocrud.env import load; env = load({'EASE_VAR': sys.argv[1]});"
        "sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.readline(); print(env.signing_key)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    starts = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    ready = [start.stdout.readline() for start in starts]

    with ThreadPoolExecutor(3) as threads:
        keys = list(threads.map(lambda start: start.communicate("go\n", timeout=60)[0].strip(), starts))

    assert ready == ["ready\n"] * 3
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_of_two_keys_made_at_once_the_first_one_counts(tmp_path, monkeypatch):
    """The other start wins between our look and our link."""
    path = tmp_path / "secret_key"
    monkeypatch.setattr(module.secrets, "token_urlsafe", lambda size: path.write_text("theirs") and "ours")

    key = load({"EASE_VAR": str(tmp_path)}).signing_key

    assert key == "theirs"
    assert [found.name for found in tmp_path.iterdir()] == ["secret_key"]


def started(program: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the environment as an operator would have set it, and nothing else."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**kept, **environ}, capture_output=True, text=True, timeout=60
    )


def test_a_start_that_is_refused_says_so_in_one_line_and_fails():
    result = started("import djangocrud.settings", WEB_THREADS="four")

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "ease: configuration refused: "
        "WEB_THREADS: Input should be a valid integer, unable to parse string as an integer\n"
    )


def test_production_is_strict_about_transport_cookies_and_hosts():
    names = [
        *("DEBUG", "ALLOWED_HOSTS", "PROXY_COUNT", "CORS_ALLOWED_ORIGINS", "X_FRAME_OPTIONS"),
        *("SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS", "SECURE_PROXY_SSL_HEADER"),
        *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"),
    ]
    program = (
        "import json; from djangocrud import settings;"
        f"print(json.dumps({{name: getattr(settings, name) for name in {names}}}))"
    )

    result = started(program, **PRODUCTION, CORS_ALLOWED_ORIGINS="https://app.example")

    assert json.loads(result.stdout) == {
        "DEBUG": False,
        "ALLOWED_HOSTS": ["ease.example"],
        "PROXY_COUNT": 1,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "CORS_ALLOWED_ORIGINS": ["https://app.example"],
        "X_FRAME_OPTIONS": "DENY",
    }


def test_djangos_own_deployment_check_is_silent():
    """`manage.py check --deploy` with a production's settings, warnings included; the key is as Render generates it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    result = subprocess.run(
        command,
        cwd=ROOT,
        env={**kept, **PRODUCTION, "SECRET_KEY": "3kZ9vQ1xT7bN4mL8pR2sW6yD0fG5hJ+uEcXaVi/qBtY="},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("System check identified no issues")


def test_every_setting_stands_in_the_example_file():
    """`.env.example` is what an operator reads."""
    names = {str(field.validation_alias or name).upper() for name, field in Env.model_fields.items()}

    lines = (ROOT / ".env.example").read_text().splitlines()

    written = {
        line.lstrip("#").partition("=")[0] for line in lines if "=" in line and " " not in line.partition("=")[0]
    }
    assert written == names


def test_development_makes_a_key_for_files_and_keeps_it(tmp_path):
    """BUG-S2-11: never a new one at each start, and never shown."""
    first, second = (load({"EASE_VAR": str(tmp_path)}).master_keys("encryption_key_documents") for _ in range(2))

    assert first == second
    assert len(base64.urlsafe_b64decode(first[0])) == 32
    assert stat.S_IMODE((tmp_path / "encryption_key_documents").stat().st_mode) == 0o600
    assert "hunter2" not in refusal({"ENCRYPTION_KEY_DOCUMENTS": "hunter2"})


def test_keys_for_files_are_listed_newest_first():
    new, old = ("bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=", "b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=")

    assert load({"ENCRYPTION_KEY_DOCUMENTS": f"{new}, {old}"}).master_keys("encryption_key_documents") == (new, old)


def test_keys_that_render_generates_are_the_same_bytes():
    """Its base64 has + and /, Fernet's - and _ (render.yaml: generateValue)."""
    fernet, render = "-_8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0=", "+/8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0="

    assert key_from(render) == key_from(fernet) == bytes([0xFB, 0xFF, *range(30)])
    assert load({"ENCRYPTION_KEY_SSN": render}).master_keys("encryption_key_ssn") == (render,)


@pytest.mark.parametrize("header", ["x-api-key", "HTTP_X API", "AUTHORIZATION"])
def test_the_header_of_api_keys_is_named_as_django_names_it(header):
    """S4-O1, S4-B1."""
    assert "API_KEY_CUSTOM_HEADER" in refusal({"API_KEY_CUSTOM_HEADER": header})
    assert load({"API_KEY_CUSTOM_HEADER": "HTTP_X_PARTNER_KEY"}).api_key_custom_header == "HTTP_X_PARTNER_KEY"


def test_whoever_sends_mail_says_where_its_links_lead():
    env = load({**PRODUCTION, "EMAIL_HOST": "mail.ease.example", "PASSWORD_RESET_URL": "https://app.example/r?token="})

    assert env.password_reset_url == "https://app.example/r?token="
