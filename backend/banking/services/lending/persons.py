"""What a person's rights mean for lending: an export of what they asked for and how it is paid back, and an erasure.

Loans and payments themselves are exported with the accounts (persons.py), what the model said with its reasons
(score_people.py). Whoever still waits for a loan or
owes one is not erased before that is settled: that is said there, too.
"""

from collections.abc import Iterator
from typing import Any

from backend.banking.models import Instalment, LoanApplication, LoanTerms, Repayment
from backend.common import hooks

CHUNK = 500


def export_lending(export: hooks.Export) -> None:
    """Write out the person's applications, and of each loan the terms, the schedule and the repayments."""
    applications = LoanApplication.objects.filter(account__customer__user=export.user_id).order_by("created_at", "pk")
    export.add(
        "banking/loan_applications.json",
        _plain(
            applications.values(
                *("id", "loan_id", "account_id", "status", "reason", "score_id", "created_at", "decided_at"),
            )
        ),
    )
    mine = {"loan__account__customer__user": export.user_id}
    terms = LoanTerms.objects.filter(**mine).order_by("loan__created_at", "pk")
    export.add(
        "banking/loan_terms.json",
        _plain(
            terms.values(
                *("loan_id", "product__name", "annual_rate", "day_count", "method", "months", "grace_days"),
                *("charge_off_days", "apr", "started_on", "next_due_on", "next_amount"),
            )
        ),
    )
    rows = Instalment.objects.filter(**mine).order_by("loan", "number")
    row = ("loan_id", "number", "due_on", "principal", "interest", "balance", "state")
    export.add("banking/loan_instalments.json", _plain(rows.values(*row)))
    repayments = Repayment.objects.filter(**mine).order_by("created_at", "pk")
    names = ("id", "loan_id", "kind", "effect", "is_automatic", "principal", "interest", "outstanding", "on")
    export.add("banking/loan_repayments.json", _plain(repayments.values(*names)))


def erase_lending(erasure: hooks.Erasure) -> None:
    """Take out what was written about the person. Amounts and dates stay."""
    LoanApplication.objects.filter(account__customer__user=erasure.user_id).update(reason="")


def _plain(rows: Any) -> Iterator[dict[str, Any]]:
    as_is = (int, str, bool, type(None))
    for row in rows.iterator(CHUNK):
        yield {name: value if isinstance(value, as_is) else str(value) for name, value in row.items()}
