"""Dockerfile, compose files and their scripts, without an engine (S3-O1 to S3-O7, BUG-S3-7, 9, 11, 12, BUG-S4-23)."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.tests.servers import Server, free_port
from backend.tests.test_settings import PRODUCTION
from djangocrud import keys
from djangocrud.env import load

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "deploy" / "scripts"
DEVELOPMENT, DEPLOY = ROOT / "docker-compose.yml", ROOT / "docker-compose-deploy.yml"
FULL_VERSION = re.compile(r"^[\w./-]+:\d+\.\d+(\.\d+)?(-[\w.-]+)?$")
# Tools of this machine's, by which a script of ours finds ours.
TOOLS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def dockerfile() -> list[str]:
    """Return the instructions, each as one line."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    return [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def instructions(name: str) -> list[str]:
    return [line.removeprefix(f"{name} ") for line in dockerfile() if line.startswith(f"{name} ")]


@cache
def compose(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["services"]


def sample() -> dict[str, str]:
    """Return `.env.sample` as an operator fills it in."""
    lines = [line for line in (ROOT / ".env.sample").read_text().splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    fresh = keys.fresh()
    filled = {name: fresh.get(name.removeprefix("DJANGO_"), f"my-{name.lower()}") for name, v in given.items() if not v}
    return given | filled


def filled_in(value: str, env: dict[str, str]) -> str:
    """Do what compose does with ${NAME:-default} and ${NAME:?reason}."""
    return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda m: env.get(m[1]) or m[2] or "", value)


# The image.


def test_the_base_is_the_python_of_runtime_txt_and_pinned():
    """BUG-S3-7: nothing at its end of life, and no tag that moves on."""
    first, *others = instructions("FROM")

    version = (ROOT / "runtime.txt").read_text().strip().removeprefix("python-")
    assert first == f"python:{version}-slim-bookworm AS base"
    assert others == ["base AS packages", "base AS app"]


def test_the_image_is_what_its_users_know():
    """S3-O1: /py, django-user, /vol/web, scripts on the path, port 8000, run.sh, and the argument DEV."""
    text = "\n".join(dockerfile())

    assert instructions("USER") == ["django-user"]
    assert instructions("EXPOSE") == ["8000"]
    assert instructions("CMD") == ['["run.sh"]']
    assert instructions("ARG") == ["DEV=false"]
    assert 'if [ "$DEV" = "true" ]' in text
    assert "PATH=/scripts:/py/bin:$PATH" in text
    assert "EASE_VAR=/vol/web" in text
    assert "healthy.py" in instructions("HEALTHCHECK")[0]


def test_nothing_runs_as_root_after_the_user_is_set():
    lines = dockerfile()

    after = lines[lines.index("USER django-user") :]
    assert [line for line in after if line.startswith("USER")] == ["USER django-user"]
    assert [line for line in after if line.startswith("RUN")] == ["RUN collect_static.sh"]


def test_the_image_is_layered_for_being_small_and_quick_to_build():
    """Packages before sources, lists removed in the layer that made them, no cache; and never `rm -rf /tmp`."""
    lines, text = dockerfile(), "\n".join(dockerfile())

    assert lines.index("COPY --from=packages /py /py") < lines.index("COPY . .")
    assert all("rm -rf /var/lib/apt/lists/*" in line for line in lines if "apt-get" in line)
    assert not re.search(r"rm -rf /tmp(\s|$)", text)
    assert "PIP_NO_CACHE_DIR=1" in text
    assert "ADD" not in {line.split()[0] for line in lines}
    assert "--only-binary :all:" in text


def test_what_the_packages_stage_copies_is_all_that_requirements_name():
    (copied,) = [line for line in instructions("COPY") if "requirements.txt" in line]
    named = {
        word
        for path in ROOT.glob("requirements*.txt")
        for line in path.read_text().splitlines()
        if line.startswith(("-r ", "-c "))
        for word in line.split()[1:]
    }

    assert named | {"requirements-dev.txt"} <= set(copied.split())


def in_the_image(name: str) -> bool:
    """Whether a committed file gets into the image, by .dockerignore's patterns."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    heads = ["/".join(name.split("/")[: depth + 1]) for depth in range(name.count("/") + 1)]
    for pattern in patterns:
        for head in heads:
            if fnmatch.fnmatchcase(head, pattern) or (
                pattern.startswith("**/") and fnmatch.fnmatchcase(head.rpartition("/")[2], pattern[3:])
            ):
                return False
    return True


@pytest.mark.parametrize(
    "name", [".env", ".env.prod", "env/.env.dev", ".git/config", "var/secret_key", "backend/x/__pycache__/a.pyc"]
)
def test_no_secret_history_or_data_gets_into_the_image(name):
    """BUG-S4-15."""
    assert not in_the_image(name)


@pytest.fixture(scope="module")
def image_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `COPY . .` would bring: the committed files that .dockerignore lets through."""
    if not (ROOT / ".git").exists():
        pytest.skip("this copy has no history that says which files are committed")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    tree = tmp_path_factory.mktemp("image") / "app"
    for name in filter(in_the_image, filter(None, listed)):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tree / name)
    return tree


def test_the_image_collects_its_static_files_and_starts_with_what_it_holds(image_tree, tmp_path):
    """BUG-S4-23: collected when it is built, by content's name, and compressed. No secret of that build stays."""
    web = tmp_path / "web"
    kept = {"PATH": TOOLS, "EASE_VAR": str(web)}

    built = subprocess.run(
        ["sh", str(SCRIPTS / "collect_static.sh")], cwd=image_tree, env=kept, capture_output=True, text=True
    )
    program = "import djangocrud.asgi, djangocrud.celery, djangocrud.urls; print('up')"
    started = subprocess.run(
        [sys.executable, "-c", program],
        cwd=image_tree,
        env={**kept, **PRODUCTION},
        capture_output=True,
        text=True,
    )

    assert built.returncode == 0, built.stderr
    assert (web / "static" / "staticfiles.json").exists()
    assert list((web / "static" / "console").glob("*.????????????.js.gz"))
    assert [path.name for path in web.iterdir()] == ["static"]
    assert (started.returncode, started.stdout) == (0, "up\n"), started.stderr


# The scripts.


def test_scripts_are_plain_shell():
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    found = subprocess.run(["shellcheck", *map(str, SCRIPTS.glob("*.sh"))], capture_output=True, text=True)

    assert found.stdout == ""
    assert [path.name for path in SCRIPTS.glob("*.sh") if not os.access(path, os.X_OK)] == []


def played(role: list[str], tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run run.sh with programs that only say how they were called, and as which process."""
    for name in ("python", "celery"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$$ {name} $*"\n')
        (tmp_path / name).chmod(0o755)
    script = (SCRIPTS / "run.sh").read_text().replace("cd /app", f"cd {tmp_path}\necho $$ run.sh")
    (tmp_path / "run.sh").write_text(script)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    return subprocess.run(["sh", str(tmp_path / "run.sh"), *role], env={**path, **env}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("role", "first", "last"),
    [
        ([], "python manage.py wait_for_db", "python -m djangocrud.serve --host 0.0.0.0 --port 8000"),
        (["web"], "python manage.py wait_for_db", "python -m djangocrud.serve --host 0.0.0.0 --port 8000"),
        (["worker"], "python manage.py wait_for_db", "celery -A djangocrud.celery worker "),
        (["beat"], "python manage.py wait_for_db", "celery -A djangocrud.celery beat "),
        (["release"], "python manage.py wait_for_db", "python manage.py collectstatic --noinput"),
        (["certificate"], "python -m djangocrud.keys", "python -m djangocrud.keys --certificate /certificates"),
        (["dev"], "python manage.py wait_for_db", "python manage.py runserver 0.0.0.0:8000"),
    ],
    ids=lambda value: "".join(value) or "default" if isinstance(value, list) else "",
)
def test_every_role_waits_for_the_database_and_becomes_its_program(tmp_path, role, first, last):
    """S3-O2, S3-O6. The program takes the shell's place, so it is the one that hears SIGTERM and drains."""
    result = played(role, tmp_path)

    own, *said = [line.split(" ", 1) for line in result.stdout.splitlines()]
    assert result.returncode == 0
    assert said[0][1].startswith(first)
    assert said[-1][1].startswith(last)
    assert said[-1][0] == own[0]


def test_a_release_migrates_before_it_collects(tmp_path):
    said = [line.split(" ", 1)[1] for line in played(["release"], tmp_path).stdout.splitlines()[1:]]

    assert said[1] == "python manage.py migrate --noinput"


def test_a_database_that_does_not_come_ends_the_container(tmp_path):
    """BUG-S3-9: wait_for_db gives up, and compose starts the container again."""
    played(["web"], tmp_path)
    (tmp_path / "python").write_text("#!/bin/sh\necho called\nexit 1\n")

    result = subprocess.run(
        ["sh", str(tmp_path / "run.sh"), "web"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert (result.returncode, result.stdout.count("called")) == (1, 1)


def test_an_unknown_role_is_refused_in_one_line(tmp_path):
    result = played(["wbe"], tmp_path)

    assert result.returncode == 64
    assert result.stderr == "run.sh: no such role: wbe (web, worker, beat, release, certificate or dev)\n"


def healthy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / "healthy.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.server
def test_the_health_check_tells_a_server_from_none(server: Server):
    assert healthy(str(server.port)).returncode == 0
    assert healthy(str(free_port())).returncode == 1
    assert healthy("no-port").returncode == 1


# The compose files.


@pytest.mark.parametrize("path", [DEVELOPMENT, DEPLOY], ids=lambda path: path.name)
def test_compose_files_are_of_the_specifications_form(path):
    checker = Path(sys.executable).with_name("check-jsonschema")

    found = subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", path], capture_output=True, text=True)

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("path", [DEVELOPMENT, DEPLOY], ids=lambda path: path.name)
def test_a_compose_client_understands_them(path, tmp_path):
    """No engine is needed for that; without any client on this machine it is skipped."""
    clients = [["docker", "compose"], ["docker-compose"]]
    usable = [
        client
        for client in clients
        if shutil.which(client[0]) and subprocess.run([*client, "version"], capture_output=True).returncode == 0
    ]
    if not usable:
        pytest.skip("no compose client is installed")
    shutil.copyfile(path, tmp_path / path.name)
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in sample().items()))

    result = subprocess.run(
        [*usable[0], "-f", path.name, "config"], cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ)
    )

    assert result.returncode == 0, result.stderr
    assert set(yaml.safe_load(result.stdout)["services"]) == set(compose(path))


def test_development_is_what_it_was():
    """S3-O2, S0-O4, K-62: app on 8000 with its source, DEV; the database on the host's 5433, on loopback only."""
    app, db = compose(DEVELOPMENT)["app"], compose(DEVELOPMENT)["db"]

    assert app["ports"] == ["127.0.0.1:8000:8000"]
    assert app["build"]["args"] == {"DEV": "true"}
    assert ".:/app" in app["volumes"]
    assert {"DB_HOST", "DB_NAME", "DB_USER", "DB_PASS", "DEBUG"} <= set(app["environment"])
    assert db["ports"] == ["127.0.0.1:5433:5432"]


def test_development_starts_with_the_older_names_of_its_variables():
    """K-56, K-59."""
    env = load(compose(DEVELOPMENT)["app"]["environment"])

    assert env.database_url == "postgresql://ease:only-for-development@db:5432/ease"
    assert (env.debug, env.redis_addresses, env.uses_embedded) == (True, ("redis://valkey:6379/0",), False)


def test_deployment_starts_from_the_sample_filled_in():
    """S0-O2, S3-O3, S3-O4, with DB_NAME, DB_USER, DB_PASS, DJANGO_SECRET_KEY and DJANGO_ALLOWED_HOSTS."""
    given = sample()

    for name in ("app", "worker", "beat", "release"):
        environment = compose(DEPLOY)[name]["environment"]
        env = load({**given, **{key: filled_in(value, given) for key, value in environment.items()}})
        assert (env.production, env.use_celery, env.proxy_count) == (True, True, 1)
        assert env.allowed_hosts == ("bank.example.com",)
        assert env.database_url == "postgresql://ease:my-db_pass@db:5432/ease"


def test_the_sample_holds_no_secret_and_says_all_that_deployment_asks_for():
    """BUG-S4-15: and what is filled in stays out of the repository."""
    lines = dict(line.split("=", 1) for line in (ROOT / ".env.sample").read_text().splitlines() if "=" in line[:40])
    asked = set(re.findall(r"\$\{(\w+):\?", DEPLOY.read_text()))

    assert {lines[f"DJANGO_{name}"] if name == "SECRET_KEY" else lines[name] for name in keys.fresh()} == {""}
    assert asked - set(lines) == set()
    if (ROOT / ".git").exists():
        ignored = subprocess.run(
            ["git", "check-ignore", ".env", ".env.prod", ".env.sample"], cwd=ROOT, capture_output=True
        )
        assert ignored.stdout.decode().split() == [".env", ".env.prod"]


def test_deployment_is_whole_and_comes_back_after_a_restart():
    """S3-O3, S4-O5: app, worker, beat, nginx, PostgreSQL, Valkey."""
    services = compose(DEPLOY)
    once = {"release", "certificate"}

    assert set(services) == {"app", "worker", "beat", "proxy", "db", "valkey"} | once
    assert {services[name]["restart"] for name in set(services) - once} == {"always"}
    assert {services[name]["restart"] for name in once} == {"no"}
    assert services["proxy"]["ports"] == ["80:8000", "443:8443"]
    assert [name for name in services if name != "proxy" and "ports" in services[name]] == []


@pytest.mark.parametrize("path", [DEVELOPMENT, DEPLOY], ids=lambda path: path.name)
def test_nothing_starts_before_what_it_needs_is_there(path):
    """BUG-S3-11."""
    services = compose(path)
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] in {"service_healthy", "service_completed_successfully"}, (name, other)
            if how["condition"] == "service_healthy":
                # app's own is in its image.
                assert other == "app" or "test" in services[other]["healthcheck"]


@pytest.mark.parametrize("path", [DEVELOPMENT, DEPLOY], ids=lambda path: path.name)
def test_images_of_others_are_pinned(path):
    images = [service["image"] for service in compose(path).values() if "build" not in service]

    assert images
    assert [image for image in images if not FULL_VERSION.match(image)] == []


def test_every_program_has_time_to_end():
    services, given = compose(DEPLOY), sample()
    environment = {key: filled_in(v, given) for key, v in services["app"]["environment"].items()}

    drain_s = load({**given, **environment}).drain_seconds
    assert int(services["app"]["stop_grace_period"].removesuffix("s")) >= drain_s + 10
    assert int(services["worker"]["stop_grace_period"].removesuffix("s")) >= 60


def test_static_files_have_one_path_for_app_and_proxy():
    """BUG-S3-12."""
    services = compose(DEPLOY)

    assert services["proxy"]["environment"]["STATIC_ROOT"] == "/vol/web/static"
    assert "web-data:/vol/web:ro" in services["proxy"]["volumes"]
    assert services["app"]["volumes"] == services["release"]["volumes"] == ["web-data:/vol/web"]


@pytest.mark.parametrize("name", ["app", "worker", "beat", "release", "certificate", "proxy"])
def test_containers_of_ours_may_do_little(name):
    service = compose(DEPLOY)[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) is not (name == "proxy")  # nginx's image writes its configuration


def test_the_proxy_can_read_the_key_that_our_user_keeps():
    assert "addgroup --system --gid 10001 django-user" in "\n".join(dockerfile())
    assert compose(DEPLOY)["proxy"]["group_add"] == ["10001"]


def test_valkey_never_evicts_and_keeps_waiting_jobs():
    for path in (DEVELOPMENT, DEPLOY):
        command = compose(path)["valkey"]["command"]
        assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    deployed = compose(DEPLOY)["valkey"]["command"]
    assert deployed[deployed.index("--appendonly") + 1] == "yes"
