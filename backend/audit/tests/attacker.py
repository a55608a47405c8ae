"""Somebody with the database's own login: triggers off, any statement, triggers on again as if nothing had been."""

from contextlib import closing
from typing import Any

import psycopg2
from django.db import connection

from backend.audit.verification import GUARDED


def attack(*statements: str, hides: bool = True) -> None:
    with closing(psycopg2.connect(**connection.get_connection_params())) as raw, raw, raw.cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
        for table in GUARDED if hides else ():
            for name in ("only_grows", "is_never_emptied"):
                cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_{name}")


def ask(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
