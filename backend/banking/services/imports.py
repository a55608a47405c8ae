"""A partner's file of customers into the books: checked line by line, copied, stored by a few statements.

Good lines are stored in one transaction, which the trail has one row for; bad ones are reported by number. A name that
the bank has already, or that stood in an earlier line, is a bad line (design.md section 5).
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from backend.audit import services as audit
from backend.banking.customer_lines import BadLine, CustomerLine, NotText, read
from backend.banking.partner_errors import FileRefused
from backend.banking.partners import PartnerPrincipal
from backend.banking.services.accounts import new_number
from backend.common.unit_of_work import unit_of_work

# Of a file that is loaded while the partner waits for the answer, which names every line's outcome.
LINES_MAX = 200_000
COPIED_AT_ONCE = 5_000
TAKEN = "A customer with this external_id already exists."
REPEATED = "This external_id stands in line {line}, too."

_STAGE = """
CREATE TEMPORARY TABLE banking_staged (
    line integer, external_id text, credit_line numeric(12, 2), preapproved_at timestamptz, account_number text
) ON COMMIT DROP
"""
_COPY = "COPY banking_staged (line, external_id, credit_line, preapproved_at, account_number) FROM STDIN"
# In one order, so that two files at once do not wait for each other in a circle. What is there already, also since a
# moment ago, is passed over. An account comes before its customer: foreign keys are checked at commit.
_STORE = """
WITH made AS (
    INSERT INTO banking_account (account_id, bank_id, customer_id, account_number, currency, date_opened, external_id,
        credit_line, preapproved_at, created_at, updated_at)
    SELECT gen_random_uuid(), %(bank)s, gen_random_uuid(), account_number, %(currency)s,
        (now() AT TIME ZONE 'UTC')::date, external_id, credit_line, preapproved_at, now(), now()
    FROM (SELECT DISTINCT ON (external_id) * FROM banking_staged ORDER BY external_id, line) staged
    ORDER BY external_id
    ON CONFLICT DO NOTHING
    RETURNING external_id, customer_id
), person AS (
    INSERT INTO banking_customer (customer_id, first_name, last_name, created_at)
    SELECT customer_id, '', '', now() FROM made
), known AS (
    INSERT INTO banking_registration (bank_id, customer_id, registered_at) SELECT %(bank)s, customer_id, now() FROM made
)
SELECT external_id FROM made
"""
_LEFT = """
SELECT s.line, s.external_id, a.account_id IS NOT NULL
FROM banking_staged s LEFT JOIN banking_account a ON a.bank_id = %(bank)s AND a.external_id = s.external_id
WHERE s.line = ANY(%(lines)s)
"""


@dataclass(slots=True)
class Outcome:
    """What became of a file: who was registered, in its order, and the bad lines, by number."""

    created: list[str] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)


def load_customers(*, actor: PartnerPrincipal, pieces: Iterable[bytes]) -> Outcome:
    """Register the customers of a file, and return what became of each line.

    Repeating: every line names a customer who is there, so nothing is stored.
    Raises: FileRefused (no text, or more lines than can be waited for); then nothing is stored.
    Locks: the bank's loading of files, by advisory lock.
    """
    outcome = Outcome()
    first: dict[str, int] = {}
    with unit_of_work(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"banking.load:{actor.bank_id}"])
        cursor.execute(_STAGE)
        for batch in _batches(pieces, outcome):
            fresh = [line for line in batch if first.setdefault(line.external_id, line.line) == line.line]
            repeated = (line for line in batch if first[line.external_id] != line.line)
            outcome.bad += [_named(one.line, REPEATED.format(line=first[one.external_id])) for one in repeated]
            copy_lines(cursor, fresh)
        if first:
            taken = _store(cursor, actor, first)
            outcome.bad += [_named(first[name], TAKEN) for name in taken]
            outcome.created = [name for name in first if name not in taken]
        cursor.execute("DROP TABLE banking_staged")  # A second file may follow in the same transaction.
        if outcome.created:
            facts = {
                "added": len(outcome.created),
                "bad": len(outcome.bad),
                "bank": str(actor.bank_id),
                "prefix": actor.key_prefix,
            }
            audit.record(actor_id=None, action="accounts.imported", facts=facts)
    outcome.bad.sort(key=lambda one: one.line)
    return outcome


def copy_lines(cursor: CursorWrapper, lines: Sequence[CustomerLine]) -> None:
    """Copy good lines into the staging table, each with an account number of its own."""
    if lines:
        cursor.copy_expert(_COPY, io.StringIO("".join(_copied(line) for line in lines)))


def _store(cursor: CursorWrapper, actor: PartnerPrincipal, first: dict[str, int]) -> set[str]:
    """Store what was staged; return the names that the bank had already.

    What was left out for its account number, which is made up and may meet another, is tried with a new one.
    """
    parameters: dict[str, Any] = {"bank": actor.bank_id, "currency": actor.currency}
    taken: set[str] = set()
    waiting = set(first)
    while waiting:
        cursor.execute(_STORE, parameters)
        waiting -= {name for (name,) in cursor.fetchall()}
        cursor.execute(_LEFT, {"bank": actor.bank_id, "lines": [first[name] for name in waiting]})
        left = cursor.fetchall()
        taken |= {name for _, name, is_there in left if is_there}
        waiting = {name for _, name, is_there in left if not is_there}
        cursor.execute("DELETE FROM banking_staged WHERE NOT line = ANY(%s)", [[first[name] for name in waiting]])
        for name in waiting:
            cursor.execute("UPDATE banking_staged SET account_number = %s WHERE line = %s", [new_number(), first[name]])
    return taken


def _batches(pieces: Iterable[bytes], outcome: Outcome) -> Iterator[list[CustomerLine]]:
    """Yield good lines, some thousand at a time; note the bad ones. Raises: FileRefused."""
    good: list[CustomerLine] = []
    for count, line in enumerate(_read(pieces), start=1):
        if count > LINES_MAX:
            raise FileRefused(f"A file that is loaded at once has at most {LINES_MAX:,} lines. Split it.")
        if isinstance(line, BadLine):
            outcome.bad.append(line)
            continue
        good.append(line)
        if len(good) == COPIED_AT_ONCE:
            yield good
            good = []
    yield good


def _read(pieces: Iterable[bytes]) -> Iterator[CustomerLine | BadLine]:
    try:
        yield from read(pieces)
    except NotText as fault:
        raise FileRefused("This is no text file in UTF-8.") from fault


def _named(line: int, fault: str) -> BadLine:
    return BadLine(line, {"external_id": [fault]})


def _copied(line: CustomerLine) -> str:
    name = line.external_id
    if "\\" in name:
        name = name.replace("\\", "\\\\")
    at = line.preapproved_at.isoformat() if line.preapproved_at else "\\N"
    return f"{line.line}\t{name}\t{line.score}\t{at}\t{new_number()}\n"
