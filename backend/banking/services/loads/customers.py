"""A partner's large file: read in parts by any number of workers, then stored by buckets of names.

Which of two lines with one name counts is decided by their numbers, as in a file that is loaded at once; so all lines
of a name must come together before one of them is stored. Reading puts each into the bucket of its name, and storing
takes a bucket out and stores it in one transaction, by the same statements as `services/imports.py`.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from django.db import connection

from backend.banking.customer_lines import LINE_MAX, CustomerLine, read_lines
from backend.banking.loads.lines import BadLine, Lines
from backend.banking.models import Load, LoadPart
from backend.banking.services.imports import Outcome, register_lines

READ_AT_ONCE = 5_000
IN_A_BUCKET = 10_000
BUCKETS_MAX = 1_000

_COPY = "COPY banking_loadrow (load, bucket, line, external_id, credit_line, preapproved_at) FROM STDIN"
_TAKE_OUT = """
DELETE FROM banking_loadrow WHERE load = %s AND bucket = %s RETURNING line, external_id, credit_line, preapproved_at
"""


def buckets_for(lines: int) -> int:
    return min(BUCKETS_MAX, lines // IN_A_BUCKET + 1)


class CustomersKind:
    """The lines of a partner's file (customer_lines.py), on their way into buckets."""

    longest = LINE_MAX
    at_once = READ_AT_ONCE

    def __init__(self, load: Load) -> None:
        self._load = load.pk.hex
        self._buckets = int(load.options["buckets"])

    def outcomes(self, lines: Lines) -> Iterator[Any]:
        return read_lines(lines)

    def store(self, good: Sequence[CustomerLine]) -> list[BadLine]:
        with connection.cursor() as cursor:
            cursor.copy_expert(_COPY, io.StringIO("".join(self._copied(line) for line in good)))
        return []

    def _copied(self, line: CustomerLine) -> str:
        number, name, score, at = line
        bucket = zlib.crc32(name.encode()) % self._buckets
        if "\\" in name:
            name = name.replace("\\", "\\\\")
        return f"{self._load}\t{bucket}\t{number}\t{name}\t{score}\t{at.isoformat() if at else _NULL}\n"


def store_bucket(load: Load, part: LoadPart) -> Outcome:
    """Store what was read into this bucket, in the caller's transaction, and return what became of it.

    Locks: none but the new rows, in the order of names.
    """
    outcome = Outcome()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_OUT, [load.pk, part.number])
        lines = [CustomerLine(*row) for row in sorted(cursor.fetchall(), key=itemgetter(0))]
        register_lines(
            cursor, bank_id=load.bank_id, currency=load.bank.currency, batches=_in_batches(lines), outcome=outcome
        )
    return outcome


def _in_batches(lines: Sequence[CustomerLine]) -> Iterator[Sequence[CustomerLine]]:
    for at in range(0, len(lines), IN_A_BUCKET):
        yield lines[at : at + IN_A_BUCKET]


_NULL = "\\N"
