"""`manage.py data_model [--check]`: write backend/docs/data-model.md from the models, or say whether it is current."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models

PLACE = Path(__file__).resolve().parents[3] / "docs" / "data-model.md"
# From the bottom up, as slices may import one another (pyproject.toml).
SLICES = (
    *("common", "realtime", "audit", "notifications", "identity", "kyc"),
    *("support", "catalog", "budget", "fraud", "banking"),
)
HEAD = """\
# Data model

Written by `manage.py data_model` from the models themselves; a test holds the two together. Each slice's tables, what
they are for, and their columns: **bold** is the primary key, ⁺ is unique by itself, ? may be null, → points at another
table. Rules that hold for several columns, and those of the database's own triggers, are in the models and migrations.

Foreign keys point down the layers only ([architecture](architecture.md)). `realtime`, `audit` and `notifications` keep
people as plain numbers, so that they outlive an account. A chat's text lives in `realtime_event`, money in
`banking_posting` and `banking_entry`, and what people did in `audit_log`; all other tables say what is the case now.
"""


class Command(BaseCommand):
    help = "Write backend/docs/data-model.md from the models; with --check, fail when it is not as they are."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 when it would")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        """Raises: CommandError with `--check` when the document is another."""
        text = document()
        if not check:
            PLACE.write_text(text)
        elif not PLACE.exists() or PLACE.read_text() != text:
            raise CommandError("backend/docs/data-model.md is not as the models are: run manage.py data_model")


def document() -> str:
    """Return the whole page."""
    own = [config for config in apps.get_app_configs() if config.name.startswith("backend.")]
    labels = sorted(
        (config for config in own if list(config.get_models())),
        key=lambda config: SLICES.index(config.label) if config.label in SLICES else len(SLICES),
    )
    return "\n".join([HEAD, *(line for config in labels for line in _slice(config))]).rstrip() + "\n"


def _slice(config: AppConfig) -> Iterator[str]:
    tables = [model for model in config.get_models() if model.__module__.startswith("backend.")]
    tables.sort(key=lambda model: model._meta.db_table)
    if not tables:
        return
    yield f"## {config.label}\n"
    edges = [edge for model in tables for edge in _edges(model)]
    if edges:
        yield from ("```mermaid", "erDiagram", *edges, "```", "")
    yield from ("| table | what | columns |", "| --- | --- | --- |")
    for model in tables:
        columns = ", ".join(_column(field) for field in model._meta.concrete_fields)
        yield f"| `{model._meta.db_table}` | {_words(model)} | {columns} |"
    yield ""


def _edges(model: type[models.Model]) -> Iterator[str]:
    """Return an arrow for each foreign key, in mermaid's words: many of these belong to one of those."""
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            here = "|o" if field.unique else "}o"
            there = "o|" if field.null else "||"
            target = field.remote_field.model._meta.db_table
            yield f"    {model._meta.db_table} {here}--{there} {target} : {field.name}"


def _column(field: models.Field) -> str:
    name = f"**{field.name}**" if field.primary_key else field.name
    marks = ("⁺" if field.unique and not field.primary_key else "") + ("?" if field.null else "")
    if isinstance(field, models.ForeignKey):
        return f"{name}{marks} → `{field.remote_field.model._meta.db_table}`"
    return name + marks


def _words(model: type[models.Model]) -> str:
    """Return the first sentence of the model's own docstring; Django writes one where there is none."""
    text = " ".join((model.__doc__ or "").split())
    if text.startswith(f"{model.__name__}("):
        return ""
    sentence = text.split(". ")[0].rstrip(".")
    return sentence.replace("|", "\\|") + "." if sentence else ""
