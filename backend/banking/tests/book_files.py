"""Files of banks and partners for tests: the columns of S0-O6, and the commands that load them."""

import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command

from backend.audit.models import AuditLog
from backend.banking.models import Account, Bank, Customer, Load, LoadLine, LoadPart, Loan, Registration
from backend.tests.servers import ROOT, database_url

COLUMNS = (
    *("Loan ID", "Customer ID", "Loan Status", "Current Loan Amount", "Term", "Credit Score", "Annual Income"),
    *("Years in current job", "Home Ownership", "Purpose", "Monthly Debt", "Years of Credit History"),
    *("Months since last delinquent", "Number of Open Accounts", "Number of Credit Problems"),
    *("Current Credit Balance", "Maximum Open Credit", "Bankruptcies", "Tax Liens"),
)
ROW = {
    "Loan Status": "Fully Paid",
    "Current Loan Amount": "445412",
    "Term": "Short Term",
    "Credit Score": "709",
    "Annual Income": "1167493",
    "Years in current job": "8 years",
    "Home Ownership": "Home Mortgage",
    "Purpose": "Home Improvements",
    "Monthly Debt": "5214.74",
    "Years of Credit History": "17.2",
    "Months since last delinquent": "NA",
    "Number of Open Accounts": "6",
    "Number of Credit Problems": "1",
    "Current Credit Balance": "228190",
    "Maximum Open Credit": "416746",
    "Bankruptcies": "1",
    "Tax Liens": "0",
}


def line(columns: Sequence[str] = COLUMNS, **changes: str) -> str:
    """One row; `changes` are named as the columns are, with `_` for blanks."""
    cells = {**ROW, **{name.replace("_", " "): value for name, value in changes.items()}}
    return ",".join(cells.get(name, "") for name in columns)


def book(lines: Iterable[str], columns: Sequence[str] = COLUMNS, end: str = "\n") -> bytes:
    return "".join(f"{one}{end}" for one in (",".join(columns), *lines)).encode()


def numbered(count: int, first: int = 1) -> list[str]:
    """Rows that differ by their amounts: 1.00, 2.00 and so on."""
    return [line(Current_Loan_Amount=str(number)) for number in range(first, first + count)]


def write(folder: Path, content: bytes, name: str = "book.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def load(path: Path, command: str = "load_bank_data", **options: Any) -> tuple[str, str]:
    """Run the command and return what it says, and which lines it names. Raises: CommandError."""
    said, named = io.StringIO(), io.StringIO()
    call_command(command, str(path), stdout=said, stderr=named, no_color=True, **options)
    return said.getvalue(), named.getvalue()


def real_file(name: str) -> Path | None:
    """The published rows, where this machine has them (issue 08)."""
    folders = (ROOT.parent / "shared" / "data", Path("/work/shared/data"))
    return next((folder / name for folder in folders if (folder / name).exists()), None)


def of_its_own(database: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return command and environment of a process that works on this database."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "djangocrud.settings_test",
        "DATABASE_URL": database_url(database),
        "REDIS_URL": " ".join(settings.REDIS_URLS),
    }
    return [sys.executable, *arguments], environment


def stored() -> dict[str, int]:
    """How many there are of what a load makes, or a refused one must not."""
    counted = (Bank, Customer, Registration, Account, Loan, Load, LoadPart, LoadLine, AuditLog)
    return {model.__name__: model.objects.count() for model in counted}


def amounts() -> list[int]:
    """The amounts of all loans: what `numbered` rows became."""
    return sorted(int(amount) for amount in Loan.objects.values_list("current_loan_amount", flat=True))
