"""Whole rows by statements of our own, where the ORM takes longer to write a statement than the database to answer it.

    cursor.execute(f"SELECT {columns_of(Account, 'a')} FROM banking_account a WHERE ... FOR UPDATE", [...])
    (account,) = models_of(row, Account)

For models whose columns need no conversion by Django: text, numbers, dates, UUIDs.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db.models import Model


@cache
def columns_of(model: type[Model], alias: str) -> str:
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


@cache
def _names_of(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def models_of(row: Sequence[Any], *models: type[Model]) -> list[Any]:
    """Return an instance of each model from a row that holds the columns of one after the other."""
    made, start = [], 0
    for model in models:
        names = _names_of(model)
        made.append(model.from_db("default", names, row[start : start + len(names)]))
        start += len(names)
    return made
