"""`python -m bench.loads_work book|customers ROWS ROUNDS`: files into the books, beside COPY.

`book` and `customers` store the same rows by COPY into the same three tables (one transaction, text made before) and
by the product, in turns. Prints, as JSON, seconds and CPU (of this process and of its database session) of each.
`write ROWS FOLDER` prints the path of a file, `memory ROWS PATH` the memory before loading it, and the most meanwhile.
"""

import io
import itertools
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from backend.banking.loads.book import read  # noqa: E402
from backend.banking.loads.lines import Lines, pieces_of  # noqa: E402
from backend.banking.models import Bank  # noqa: E402
from backend.banking.partners import PartnerPrincipal  # noqa: E402
from backend.banking.services import imports  # noqa: E402
from backend.banking.services.loads import starting  # noqa: E402
from backend.banking.services.loads.books import COPY, BookKind  # noqa: E402
from bench import machine  # noqa: E402
from ml.generate import write_loans  # noqa: E402

THREE = ("customer", "account", "loan")
MADE = 20_000  # rows that are made; longer files repeat them
BAD = ("9" * 300, "c-1", "c-2,x")
COPY_CUSTOMERS = {
    "customer": "COPY banking_customer (customer_id, first_name, last_name, created_at) FROM STDIN",
    "registration": "COPY banking_registration (bank_id, customer_id, registered_at) FROM STDIN",
    "account": """COPY banking_account (account_id, bank_id, customer_id, account_number, currency, date_opened,
        external_id, credit_line, created_at, updated_at) FROM STDIN""",
}
BANK = "bench-loads"
_OURS = f"SELECT bank_id FROM banking_bank WHERE bank_name = '{BANK}'"
_TAKE_OUT = (
    f"DELETE FROM banking_loan WHERE bank_id IN ({_OURS})",
    f"CREATE TEMPORARY TABLE gone AS SELECT customer_id FROM banking_account WHERE bank_id IN ({_OURS})",
    f"DELETE FROM banking_account WHERE bank_id IN ({_OURS})",
    f"DELETE FROM banking_registration WHERE bank_id IN ({_OURS})",
    "DELETE FROM banking_customer c USING gone WHERE c.customer_id = gone.customer_id",
    "DROP TABLE gone",
    f"DELETE FROM banking_loadpart WHERE owner_id IN (SELECT id FROM banking_load WHERE bank_id IN ({_OURS}))",
    f"DELETE FROM banking_loadline WHERE owner_id IN (SELECT id FROM banking_load WHERE bank_id IN ({_OURS}))",
    f"DELETE FROM banking_load WHERE bank_id IN ({_OURS})",
    f"DELETE FROM banking_bank WHERE bank_name = '{BANK}'",
)
NOW = "2026-01-31 10:00:00+00"


def book(rows: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = _book_file(Path(folder), rows)
        return _in_turns(rounds, copy=lambda: _copy_book(path), load=lambda: _load_book(path))


def customers(rows: int, rounds: int) -> dict[str, Any]:
    content = _customers_file(rows)
    return _in_turns(rounds, copy=lambda: _copy_customers(rows), load=lambda: _load_customers(content))


def write(rows: int, folder: str) -> str:
    return str(_book_file(Path(folder), rows))


def memory(rows: int, path: str) -> dict[str, Any]:
    """Load a file that another process has made: making it takes memory, too."""
    with tempfile.TemporaryDirectory() as folder:
        _load_book(_book_file(Path(folder), 100))
    machine.forget_peak(os.getpid())
    before = machine.resident_kib(os.getpid())
    _load_book(Path(path))
    return {"before_mb": before / 1024, "peak_mb": machine.peak_kib(os.getpid()) / 1024}


def _in_turns(rounds: int, *, copy: Callable[[], None], load: Callable[[], None]) -> dict[str, Any]:
    found: dict[str, list[float]] = {"copy": [], "load": [], "copy_cpu": [], "load_cpu": []}
    for _ in range(rounds):
        for name, work in (("copy", copy), ("load", load)):
            seconds, cpu = work()  # type: ignore[func-returns-value]
            found[name].append(seconds)
            found[f"{name}_cpu"].append(cpu)
            _forget()
    return found


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        session = cursor.fetchone()[0]
    cpu, since = time.process_time() + machine.cpu_seconds(session), time.perf_counter()
    work()
    return time.perf_counter() - since, time.process_time() + machine.cpu_seconds(session) - cpu


def _copy(statements: dict[str, str], texts: dict[str, str]) -> tuple[float, float]:
    buffers = [(statements[table], io.StringIO(text)) for table, text in texts.items()]

    def work() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement, buffer in buffers:
                cursor.copy_expert(statement, buffer)

    return _timed(work)


def _book_file(folder: Path, rows: int) -> Path:
    made, path = folder / "made.csv", folder / f"book-{rows}.csv"
    write_loans(made, min(rows, MADE), 1)
    head, *lines = made.read_text().splitlines(keepends=True)
    with path.open("w") as file:
        file.write(head)
        file.writelines(itertools.islice(itertools.cycle(lines), rows))
    return path


def _look_at(file: Any) -> starting.Book:
    return starting.Book.of(file, name="bench.csv", is_undecided=False)


def _copy_book(path: Path) -> tuple[float, float]:
    """The rows that the product would store, as text, and then COPY alone."""
    with path.open("rb") as file:
        found = _look_at(file)
        load, _ = starting.start_book(book=found, target=starting.Target(bank_name=BANK), is_again=True)
        lines = Lines(
            pieces_of(found.file, start=found.start, end=found.splitter.size), longest=10_000, position=found.start
        )
        rows = [row for row in read(lines, found.layout) if row is not None]
    texts = BookKind(load).written(rows)
    return _copy(COPY, {table: texts[table] for table in THREE})


def _load_book(path: Path) -> tuple[float, float]:
    def work() -> None:
        with path.open("rb") as file:
            found = _look_at(file)
            load, _ = starting.start_book(book=found, target=starting.Target(bank_name=BANK), is_again=True)
            done = starting.load_book(load=load, book=found)
        if done.state != "done":
            raise RuntimeError("the load did not end")

    return _timed(work)


def _customers_file(rows: int) -> bytes:
    lines = [f"customer-{number},{number}.50" for number in range(rows)]
    lines[500::1000] = [BAD[number % len(BAD)] for number in range(len(lines[500::1000]))]
    return "\n".join(lines).encode()


def _copy_customers(rows: int) -> tuple[float, float]:
    bank = Bank.objects.create(bank_name=BANK).pk
    texts: dict[str, list[str]] = {table: [] for table in COPY_CUSTOMERS}
    for number in range(rows):
        customer = uuid.uuid4()
        texts["customer"].append(f"{customer}\t\t\t{NOW}\n")
        texts["registration"].append(f"{bank}\t{customer}\t{NOW}\n")
        texts["account"].append(
            f"{uuid.uuid4()}\t{bank}\t{customer}\t{imports.new_number()}\tUSD\t2026-01-31"
            f"\tcustomer-{number}\t{number}.50\t{NOW}\t{NOW}\n"
        )
    return _copy(COPY_CUSTOMERS, {table: "".join(lines) for table, lines in texts.items()})


def _load_customers(content: bytes) -> tuple[float, float]:
    bank = Bank.objects.create(bank_name=BANK)
    actor = PartnerPrincipal(key_prefix="bench", bank_id=bank.pk, currency=bank.currency)

    def work() -> None:
        outcome = imports.load_customers(actor=actor, pieces=_pieces(content))
        if not outcome.created or not outcome.bad:
            raise RuntimeError("the import went wrong")

    return _timed(work)


def _pieces(content: bytes) -> Iterator[bytes]:
    for at in range(0, len(content), 64 * 1024):
        yield content[at : at + 64 * 1024]


def _forget() -> None:
    """Take out what was loaded, so that each turn finds the tables as the first one did."""
    with connection.cursor() as cursor:
        for statement in _TAKE_OUT:
            cursor.execute(statement)
        for table in ("loan", "account", "registration", "customer"):
            cursor.execute(f"VACUUM banking_{table}")


if __name__ == "__main__":
    parts: dict[str, Callable[..., Any]] = {"book": book, "customers": customers, "write": write, "memory": memory}
    if sys.argv[1] == "book":  # The first of all.
        call_command("migrate", verbosity=0)
    json.dump(parts[sys.argv[1]](*(int(one) if one.isdecimal() else one for one in sys.argv[2:])), sys.stdout)
