"""Every string of the console goes through gettext: templates, scripts, views; and the slices' lists of words, too."""

import gettext
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from backend.banking import models as banking
from backend.console import strings, words
from backend.fraud.facts import Facts
from backend.fraud.models import DryRun, FraudAlert, RuleSet
from backend.fraud.shipped import VERSION_1
from backend.identity.models import User
from backend.kyc.models import Case, Document
from backend.support.models import Priority

HERE = Path(__file__).resolve().parents[1]
LISTS = [
    *(User.KycStatus, User.RiskProfile, Document.Type, Document.Status, Case.Decision),
    *(FraudAlert.Status, FraudAlert.Severity, FraudAlert.Verdict, FraudAlert.Label, RuleSet.State, DryRun.State),
    *(banking.AccountStatus, banking.LoanState, banking.LoanStatus, banking.Term, banking.ApplicationStatus),
    *(banking.RiskBand, banking.PostingKind, banking.InternalKind, banking.InstalmentState),
]
# What a template shows of itself: everything outside of tags, attributes, variables and translations.
BLOCK = re.compile(
    r"{% blocktranslate.*?{% endblocktranslate %}|{% block \w+_class %}.*?{% endblock %}|{#.*?#}", re.DOTALL
)
TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
SAID = re.compile(r'(?:aria-label|title|placeholder|alt|data-sure|data-name)="([^"]*)"')
MARKUP = re.compile(r"<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL)
CODE = re.compile(r"<(code|kbd|script)\b.*?</\1>", re.DOTALL)
# The product's name, keys, and examples of what one may type.
NAMES = {"Ease", "· Ease", "user.changed, chat", "user 7"}


def bare_in(template: str) -> list[str]:
    """Return what a template says that nobody can translate."""
    text = TAG.sub("", BLOCK.sub("", template))
    said = SAID.findall(text)
    shown = MARKUP.sub("\n", CODE.sub("", text)).splitlines()
    found = [words.strip() for words in (*said, *shown)]
    return [words for words in found if re.search(r"[A-Za-z]{2}", words) and words not in NAMES]


def test_no_template_has_a_string_that_cannot_be_translated():
    found = {
        str(file.relative_to(HERE)): bare
        for file in sorted(HERE.rglob("templates/**/*.html"))
        if (bare := bare_in(file.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("template", "bare"),
    [
        ("<p>Hello</p>", ["Hello"]),
        ('<p title="Hello">{% translate "Hi" %}</p>', ["Hello"]),
        ("{% if x %}<b>{{ name }}</b> waits{% endif %}", ["waits"]),
        ('<p class="soft">{% blocktranslate %}Hello {{ name }}{% endblocktranslate %} · {{ x }} %</p>', []),
    ],
)
def test_the_search_for_bare_strings_finds_them(template, bare):
    assert bare_in(template) == bare


def test_no_script_says_anything_of_its_own():
    """What an element is given as text is a variable, a sign, or comes out of `say`."""
    shown = re.compile(r'(?:textContent = |make\([^()]*?, \{[^{}]*\}, )[`"]([^`"]*)[`"]')
    found = {}
    for file in sorted(HERE.glob("static/console/*.js")):
        said = [re.sub(r"\$\{[^}]*(\}|$)", "", words) for words in shown.findall(file.read_text())]
        if bare := [words for words in said if re.search(r"[A-Za-z]{2}", words)]:
            found[file.name] = bare
    assert found == {}


def test_every_word_that_scripts_ask_for_is_there():
    scripts = "".join(file.read_text() for file in HERE.glob("static/console/*.js"))
    asked = set(re.findall(r'\bsay\("([\w.]+)"', scripts))

    assert asked - set(strings.for_demo()) == set()
    assert {
        key
        for key in strings.for_scripts()
        if f'"{key}"' not in scripts and f" {key}:" not in scripts and not key.startswith("risk_")
    } == set()


def test_every_list_of_words_that_pages_show_is_written_for_people():
    unwritten = [value for one in LISTS for value in one.values if value not in words._WORDS]
    unnamed = {name for name in Facts.__dataclass_fields__ if words.fact(name) == name.replace("_", " ")}

    assert unwritten == []
    assert {label for _, label in Priority.choices} <= set(words._WORDS)
    assert unnamed <= {"currency", "amount"}
    assert keys_of(VERSION_1) <= set(words.rule_words())


def keys_of(document) -> set[str]:
    if isinstance(document, list):
        return set().union(*map(keys_of, document))
    if not isinstance(document, dict):
        return set()
    return set(document).union(*map(keys_of, document.values()))


def test_a_translation_is_used_by_pages_and_scripts():
    """Spanish is begun: the door and the state of the connection (locale/es)."""
    with translation.override("es"):
        shown = Client().get("/console/sign-in/", headers={"Accept-Language": "en"}).content.decode()
        lost = strings.for_scripts()["lost"]

    assert "Contraseña" in shown
    assert 'lang="es"' in shown
    assert lost == "Se perdió la conexión. Probando de nuevo…"
    assert "Password" in Client().get("/console/sign-in/").content.decode()


@pytest.mark.skipif(not shutil.which("xgettext"), reason="makemessages needs gettext: apt-get install gettext")
def test_makemessages_finds_the_strings(tmp_path, monkeypatch):
    """Into a copy, so that nothing in the tree changes; the checked-in compiled file is what the text says."""
    copy = tmp_path / "console"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    monkeypatch.chdir(copy)
    call_command("makemessages", locale=["es"], verbosity=0)
    catalog = (copy / "locale/es/LC_MESSAGES/django.po").read_text()

    assert 'msgid "Loan applications"' in catalog  # a template
    assert 'msgid "Connection lost. Trying again…"' in catalog  # of scripts
    assert 'msgid "driving licence"' in catalog  # a word of a slice
    assert 'msgid "nobody had taken it"' in catalog  # a view
    compiled = tmp_path / "es.mo"
    source = HERE / "locale/es/LC_MESSAGES/django.po"
    subprocess.run(["msgfmt", "--check", "-o", compiled, source], check=True, capture_output=True)
    assert _messages(compiled) == _messages(source.with_suffix(".mo"))


def _messages(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        return {key: value for key, value in gettext.GNUTranslations(file)._catalog.items() if key}
