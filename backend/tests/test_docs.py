"""What the documents name exists: links, commands, variables, paths, tables (design.md section 1, issue 13)."""

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError

from backend.common.management.commands import data_model
from djangocrud.env import Env, load
from djangocrud.older_names import DATABASE_PARTS, OLDER_NAMES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "backend" / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
FOLDERS = ("backend/", "djangocrud/", "ml/", "bench/", "deploy/", ".github/", ".ci/")
IDS = [path.relative_to(ROOT).as_posix() for path in PAGES]
every_page = pytest.mark.parametrize("page", PAGES, ids=IDS)
# Variables of the systems before that do nothing here; and secrets that GitHub holds.
WITHOUT_EFFECT = {
    *("USE_SQLITE", "CELERY_RESULT_BACKEND", "CORS_ALLOW_CREDENTIALS", "AUTH_USE_API_KEY", "BOT_TOKEN", "BOT_ID"),
}
# What the contract says that operators have in their files (S0-O2, S1-O1, S2-O1, S3-O4, S4-O1), each with a value.
_OLDER = """\
SECRET_KEY=x
ALLOWED_HOST=a.example,b.example
DATABASE_NAME=bank
USERNAME=u
PASSWORD=p
DATABASE_HOST=h
DATABASE_PORT=5432
HOST=h
PORT=5432
CORS_ALLOWED_ORIGINS=http://localhost:3000
CSRF_TRUSTED_ORIGINS=http://localhost:3000
COOKIE_SECURE=False
AUTH_COOKIE_DOMAIN=localhost
DEFAULT_PERMISSION_CLASSES=rest_framework.permissions.IsAuthenticated
ALLOWED_HOSTS=a.example b.example
DATABASE_URL=postgres://u:p@h/bank
DEBUG=True
OPENAI_KEY=sk
REDIS_URL=redis://h:6379
BOT_TOKEN=t
BOT_ID=1
DB_NAME=bank
DB_USER=u
DB_PASSWORD=p
DB_PASS=p
DB_HOST=h
DB_PORT=5432
USE_SQLITE=False
ENCRYPTION_KEY_SSN=bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=
ENCRYPTION_KEY_ADDRESS=b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=
ENCRYPTION_KEY_DOCUMENTS=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
EMAIL_HOST=smtp.example.com
EMAIL_PORT=587
EMAIL_USE_TLS=True
EMAIL_HOST_USER=u
EMAIL_HOST_PASSWORD=p
DEFAULT_FROM_EMAIL=a@example.com
DJANGO_SECRET_KEY=x
DJANGO_ALLOWED_HOSTS=a.example,b.example
DATABASE_USER=u
DATABASE_PASSWD=p
CORS_ALLOW_CREDENTIALS=True
CELERY_BROKER_URL=redis://h:6379/0
CELERY_RESULT_BACKEND=redis://h:6379/0
USE_CELERY=True
AWS_ACCESS_KEY_ID=a
AWS_SECRET_ACCESS_KEY=s
AWS_STORAGE_BUCKET_NAME=b
AWS_S3_REGION_NAME=eu-central-1
AWS_S3_SIGNATURE_VERSION=s3v4
AWS_S3_ADDRESSING_STYLE=virtual
API_KEY_CUSTOM_HEADER=HTTP_X_API_KEY
ADMIN_URL=backoffice
ADMIN_HONEYPOT_URL=admin
AUTH_JWT_BEHIND_BASIC=False
AUTH_USE_API_KEY=True
TOKEN_EXPIRED_AFTER_SECONDS=900
OTP_TOKEN_EXPIRATION_TIME=300
"""
OLDER_FILES = dict(line.split("=", 1) for line in _OLDER.splitlines())


@cache
def text_of(page: Path) -> str:
    return page.read_text()


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))


def links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(page))):
        if not re.match(r"[a-z]+:", target):
            yield target


def quoted(page: Path) -> list[str]:
    """Return what stands in backticks, and each line of a block that is a command's."""
    text = text_of(page)
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```$", text, re.M | re.S)
    found = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    indented = re.findall(r"^    (\S.*)$", text, re.M)
    return [
        *(" ".join(one.split()) for one in found),
        *(line for block in blocks for line in block.splitlines()),
        *indented,
    ]


@cache
def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives a page's headings."""
    text = re.sub(r"^```.*?^```$", "", text_of(page), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def words_of_the_code() -> set[str]:
    """Return every upper-case word in our Python, workflows and compose files: settings, states, constants."""
    paths = [path for folder in ("backend", "djangocrud", "ml", "bench") for path in (ROOT / folder).rglob("*.py")]
    paths += [
        *(ROOT / ".github").rglob("*.yml"),
        *ROOT.glob("docker-compose*.yml"),
        ROOT / "Dockerfile",
        ROOT / "Makefile",
    ]
    paths = [path for path in paths if path.name != Path(__file__).name]
    return {word for path in paths for word in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", path.read_text())}


@every_page
def test_every_link_leads_somewhere(page):
    broken = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / unquote(path)).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)

    assert broken == []


@every_page
def test_every_command_exists(page):
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.M))
    said = "\n".join(quoted(page))

    made = set(re.findall(r"(?:^|[\s(])make ([a-z]+)", said))
    managed = set(re.findall(r"manage\.py ([a-z_]+)", said))
    modules = set(re.findall(r"python3? -m ([\w.]+)", said))
    assert made - targets == set()
    assert managed - set(get_commands()) - {"test", "help"} == set()
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


@every_page
def test_every_variable_and_constant_exists(page):
    known = {str(field.validation_alias or name).upper() for name, field in Env.model_fields.items()}
    known |= {older for names in (*OLDER_NAMES.values(), *DATABASE_PARTS.values()) for older in names}
    known |= (
        WITHOUT_EFFECT
        | set(OLDER_FILES)
        | words_of_the_code()
        | set(re.findall(r"(?m)^#?([A-Z_]+)=", text_of(ROOT / ".env.sample")))
    )
    known |= set(re.findall(r"\b([A-Z_]+)=\$", text_of(page)))  # a snippet's own
    said = {word for one in quoted(page) for word in re.findall(r"(?<![\w/$.<-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", one)}

    assert said - known == set()


@every_page
def test_every_path_exists(page):
    said = {
        word.rstrip("/.,") for one in quoted(page) for word in re.findall(r"(?<![\w/.])[\w./*<…-]+/[\w./*<…-]*", one)
    }

    missing = [
        path
        for path in said
        if path.startswith(FOLDERS) and not {"…", "*", "<"} & set(path) and not (ROOT / path.split("::")[0]).exists()
    ]
    assert missing == []


def test_the_walk_through_a_model_names_what_is_in_the_code():
    paths = [
        path for folder in ("backend/catalog", "backend/common", "djangocrud") for path in (ROOT / folder).rglob("*.py")
    ]
    code = {word for path in paths for word in re.findall(r"\w+", path.read_text())}
    said = re.findall(r"`([A-Za-z_]+(?:\(\))?)`", text_of(DOCS / "adding-a-model.md"))

    assert len(said) > 10
    assert {name.rstrip("()") for name in said} - code == set()


def test_every_page_is_found_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        waiting += [(page.parent / target.partition("#")[0]).resolve() for target in links(page)]

    assert [path.relative_to(ROOT).as_posix() for path in PAGES if path not in seen] == []


def test_the_readme_is_three_lines_two_commands_a_picture_and_a_table():
    text = text_of(ROOT / "README.md")
    head, commands, *_ = re.split(r"^```(?:sh)?$", text, flags=re.M)

    assert len(head.strip().splitlines()) == 2 + 3
    assert [line.split("#")[0].strip() for line in commands.strip().splitlines()] == ["make run", "make test"]
    assert "](backend/docs/screenshots/" in text
    assert "| What it does | How | Read on |" in text


def test_every_decision_is_in_the_index():
    index = text_of(DOCS / "adr" / "README.md")
    decisions = sorted(DOCS.glob("adr/[0-9]*.md"))

    rows = re.findall(r"^\| \[(\d+)\]\(([\w.-]+)\) \| (.+?) \| .+ \|$", index, re.M)
    titles = [text_of(path).splitlines()[0] for path in decisions]
    assert [(name, f"# {number}. {title}") for number, name, title in rows] == [
        (path.name, title) for path, title in zip(decisions, titles, strict=True)
    ]


def test_the_data_model_is_that_of_the_models():
    """After a change: manage.py data_model."""
    call_command("data_model", check=True)


def test_a_data_model_of_other_days_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(data_model, "PLACE", tmp_path / "data-model.md")
    with pytest.raises(CommandError, match="run manage.py data_model"):
        call_command("data_model", check=True)

    call_command("data_model")
    call_command("data_model", check=True)
    (tmp_path / "data-model.md").write_text("# Data model")

    with pytest.raises(CommandError):
        call_command("data_model", check=True)


@pytest.mark.parametrize("page", ["deployment.md", "aws-ec2.md"])
def test_commands_of_compose_name_services_and_files_that_there_are(page):
    text = text_of(DOCS / page)
    services = set(yaml.safe_load((ROOT / "docker-compose-deploy.yml").read_text())["services"])
    said = re.findall(r"docker compose -f (\S+) (?:build|run|up|exec)((?: --[\w-]+)*)((?: [a-z]+)*)", text)

    assert said
    for name, _, words in said:
        assert (ROOT / name).exists()
        assert set(words.split()[:1]) - services == set()


def test_the_guide_to_ec2_leaves_nothing_out_that_the_sample_asks_for():
    """S3-O11: set-up, deploy key, update, createsuperuser, documents after deployment."""
    guide = text_of(DOCS / "aws-ec2.md")
    asked = re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose-deploy.yml").read_text())

    empty = re.findall(r"^([A-Z_]+)=$", (ROOT / ".env.sample").read_text(), re.M)
    printed = {"DJANGO_SECRET_KEY", "AUDIT_KEY", "SSN_HASH_KEY"} | {name for name in empty if "ENCRYPTION" in name}
    assert [name for name in {*asked, *empty} - printed - {"DB_NAME", "DB_USER"} if name not in guide] == []
    for word in ("deploy key", "createsuperuser", "--no-deps", "/api/docs/", "djangocrud.keys"):
        assert word in guide


@pytest.mark.parametrize("name", OLDER_FILES)
def test_every_variable_that_operators_have_is_understood(name):
    """S0-O2, S1-O1, S2-O1, S3-O4, S4-O1, K-56 to K-59: it stops no start, and the documents say what it does."""
    load({name: OLDER_FILES[name]})

    written = {str(field.validation_alias or key).upper() for key, field in Env.model_fields.items()}
    assert name in written or f"`{name}`" in text_of(DOCS / "deployment.md")


def test_every_piece_that_operators_had_has_its_place():
    """S0-O1 to O4 and O7, S1-O1 to O6, S2-O1 to O11, S3-O1 to O12, S4-O1 to O11, K-56 to K-62."""
    text = text_of(DOCS / "older-systems.md")
    named = set(re.findall(r"\b(S\d-O\d+|K-\d+)", text))
    for first, last in re.findall(r"\bK-(\d+) to K-(\d+)", text):
        named |= {f"K-{number}" for number in range(int(first), int(last) + 1)}

    wanted = {f"S0-O{number}" for number in (1, 2, 3, 4, 7)} | {f"K-{number}" for number in range(56, 63)}
    wanted |= {
        f"S{which}-O{number}" for which, last in ((1, 6), (2, 11), (3, 12), (4, 11)) for number in range(1, last + 1)
    }
    assert wanted - named == set()
