"""Proving the books: every rule of the ledger, asked of the rows themselves, as of one moment.

Nothing here trusts what the services did or what a trigger should have refused: a row that somebody changed with the
guards switched off is found by what no longer adds up. All checks are set-based statements over a stretch of postings
or of accounts, so that the whole is done in pages, and the patrol does a page at a time.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

POSTINGS_PAGE = 20_000
ACCOUNTS_PAGE = 5_000
NAMED_MAX = 100  # findings of one check in one page

GUARDS = {
    "banking_posting": {
        "banking_posting_only_grows": "banking_refuse",
        "banking_posting_is_never_emptied": "banking_refuse",
        "banking_posting_is_stamped": "banking_posting_is_stamped",
        "banking_posting_balances": "banking_posting_balances",
    },
    "banking_entry": {
        "banking_entry_only_grows": "banking_refuse",
        "banking_entry_is_never_emptied": "banking_refuse",
        "banking_entry_belongs": "banking_entry_belongs",
    },
}

# Each check: what it is called, what kind of thing it names, and a statement that returns (id, words) of what is wrong.

_OF_POSTINGS = {
    "unbalanced": (
        "posting",
        """
        SELECT p.id, format('%%s entries, not zero: %%s', coalesce(s.n, 0), coalesce(s.off, 'too few'))
        FROM banking_posting p LEFT JOIN (
            SELECT posting_id, sum(n) AS n, string_agg(format('%%s %%s', total, currency), ', ')
                FILTER (WHERE total <> 0) AS off
            FROM (SELECT posting_id, bank_id, currency, count(*) AS n, sum(amount) AS total FROM banking_entry
                  WHERE posting_id > %(after)s AND posting_id <= %(until)s GROUP BY 1, 2, 3) AS sides
            GROUP BY posting_id) AS s ON s.posting_id = p.id
        WHERE p.id > %(after)s AND p.id <= %(until)s AND (s.n IS NULL OR s.n < 2 OR s.off IS NOT NULL)
        ORDER BY p.id LIMIT %(named)s""",
    ),
    "stray": (
        "entry",
        """
        SELECT e.id, format('its posting %%s is not there', e.posting_id)
        FROM banking_entry e LEFT JOIN banking_posting p ON p.id = e.posting_id
        WHERE e.posting_id > %(after)s AND e.posting_id <= %(until)s AND p.id IS NULL
        ORDER BY e.id LIMIT %(named)s""",
    ),
    "misplaced": (
        "entry",
        """
        SELECT e.id, format('bank or currency of posting %%s is not that of the account', e.posting_id)
        FROM banking_entry e
        LEFT JOIN banking_account a ON a.account_id = e.account_id
        LEFT JOIN banking_internalaccount i ON i.id = e.internal_account_id
        WHERE e.posting_id > %(after)s AND e.posting_id <= %(until)s
          AND (e.bank_id, e.currency)
              IS DISTINCT FROM (coalesce(a.bank_id, i.bank_id), coalesce(a.currency, i.currency))
        ORDER BY e.id LIMIT %(named)s""",
    ),
    "mirror": (
        "posting",
        """
        SELECT p.id, format('it does not mirror posting %%s', p.reverses_id) FROM banking_posting p
        WHERE p.id > %(after)s AND p.id <= %(until)s AND p.reverses_id IS NOT NULL AND EXISTS (
            SELECT account_id, internal_account_id, currency, sum(amount) FROM banking_entry
            WHERE posting_id IN (p.id, p.reverses_id) GROUP BY 1, 2, 3 HAVING sum(amount) <> 0)
        ORDER BY p.id LIMIT %(named)s""",
    ),
}

_OF_ACCOUNTS = {
    "balance": (
        "account",
        """
        SELECT a.account_id, format('it says %%s, its entries sum to %%s', a.balance, coalesce(s.total, 0))
        FROM banking_account a LEFT JOIN (
            SELECT account_id, sum(amount) AS total FROM banking_entry
            WHERE account_id BETWEEN %(first)s AND %(last)s GROUP BY 1) AS s ON s.account_id = a.account_id
        WHERE a.account_id BETWEEN %(first)s AND %(last)s AND a.balance <> coalesce(s.total, 0)
        ORDER BY a.account_id LIMIT %(named)s""",
    ),
    "balance_after": (
        "account",
        """
        SELECT account_id, format('the balance behind entry %%s is wrong', min(id)) FROM (
            SELECT account_id, id, balance_after, sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS running
            FROM banking_entry WHERE account_id BETWEEN %(first)s AND %(last)s) AS steps
        WHERE balance_after <> running GROUP BY account_id ORDER BY account_id LIMIT %(named)s""",
    ),
    "held": (
        "account",
        """
        SELECT a.account_id, format('it says %%s is held, its pending holds sum to %%s', a.held, coalesce(s.total, 0))
        FROM banking_account a LEFT JOIN (
            SELECT account_id, sum(amount) AS total FROM banking_hold
            WHERE state = 'pending' AND account_id BETWEEN %(first)s AND %(last)s GROUP BY 1
        ) AS s ON s.account_id = a.account_id
        WHERE a.account_id BETWEEN %(first)s AND %(last)s AND a.held <> coalesce(s.total, 0)
        ORDER BY a.account_id LIMIT %(named)s""",
    ),
    "hold": (
        "hold",
        """
        SELECT h.id, format('it was captured by posting %%s, which has no entry on its account', h.posting_id)
        FROM banking_hold h
        WHERE h.account_id BETWEEN %(first)s AND %(last)s AND h.state = 'captured' AND NOT EXISTS (
            SELECT FROM banking_entry e WHERE e.posting_id = h.posting_id AND e.account_id = h.account_id)
        ORDER BY h.id LIMIT %(named)s""",
    ),
    "payment": (
        "payment",
        """
        SELECT p.id, format('%%s went to loans, posting %%s says %%s', d.total, p.posting_id, e.total)
        FROM banking_payment p
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS total FROM banking_paymentdetail WHERE payment_id = p.id) AS d
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(e.amount), 0) AS total FROM banking_entry e
            JOIN banking_internalaccount i ON i.id = e.internal_account_id AND i.kind = 'loans_receivable'
            WHERE e.posting_id = p.posting_id) AS e
        WHERE p.account_id BETWEEN %(first)s AND %(last)s AND d.total <> e.total
        ORDER BY p.id LIMIT %(named)s""",
    ),
    "loan": (
        "loan",
        """
        SELECT l.loan_id,
            format('%%s of %%s is paid, %%s is outstanding', d.total, l.current_loan_amount, l.outstanding)
        FROM banking_loan l CROSS JOIN LATERAL (
            SELECT coalesce(sum(d.amount), 0) AS total FROM banking_paymentdetail d
            JOIN banking_payment p ON p.id = d.payment_id
            WHERE d.loan_id = l.loan_id
              AND NOT EXISTS (SELECT FROM banking_posting r WHERE r.reverses_id = p.posting_id)) AS d
        WHERE l.account_id BETWEEN %(first)s AND %(last)s AND NOT l.recorded AND CASE l.state
            WHEN 'active' THEN d.total <> l.current_loan_amount - l.outstanding
            WHEN 'paid' THEN d.total <> l.current_loan_amount
            WHEN 'charged_off' THEN d.total >= l.current_loan_amount
            ELSE d.total <> 0 END
        ORDER BY l.loan_id LIMIT %(named)s""",
    ),
}

_OF_BANKS = {
    "trial balance": (
        "bank",
        """
        SELECT bank_id, format('its sides differ by %%s %%s', sum(total), currency) FROM (
            SELECT bank_id, currency, sum(balance) AS total FROM banking_account GROUP BY 1, 2
            UNION ALL
            SELECT i.bank_id, i.currency, sum(e.amount) FROM banking_entry e
            JOIN banking_internalaccount i ON i.id = e.internal_account_id GROUP BY 1, 2) AS sides
        GROUP BY bank_id, currency HAVING sum(total) <> 0 ORDER BY bank_id LIMIT %(named)s""",
    ),
    "receivable": (
        "bank",
        """
        SELECT bank_id, format('its ledger and its loans differ by %%s %%s', sum(total), currency) FROM (
            SELECT bank_id, currency, sum(outstanding) AS total FROM banking_loan
            WHERE state = 'active' AND NOT recorded GROUP BY 1, 2
            UNION ALL
            SELECT i.bank_id, i.currency, sum(e.amount) FROM banking_entry e
            JOIN banking_internalaccount i ON i.id = e.internal_account_id AND i.kind = 'loans_receivable'
            GROUP BY 1, 2) AS sides
        GROUP BY bank_id, currency HAVING sum(total) <> 0 ORDER BY bank_id LIMIT %(named)s""",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: which check says so, of what (`posting 17`), and why."""

    kind: str
    subject: str
    words: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.words} ({self.kind})"


@dataclass
class Report:
    """What a verification went through, and what it found: guards, then postings and accounts by id, then banks."""

    postings: int = 0
    accounts: int = 0
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.findings


def verify() -> Report:
    """Prove everything, as of one moment; writes nothing and locks nothing."""
    with one_moment():
        return prove()


def prove() -> Report:
    """Prove everything, in the caller's transaction."""
    began, report = time.monotonic(), Report()
    report.findings += missing_guards()
    until, newest = 0, newest_posting()
    while until < newest:
        after, until = until, min(until + POSTINGS_PAGE, newest)
        report.findings += in_postings(after=after, until=until)
    last: UUID | None = None
    while page := account_page(after=last, size=ACCOUNTS_PAGE):
        last = page[-1]
        report.findings += in_accounts(page[0], last)
        report.accounts += len(page)
    report.findings += in_banks()
    report.postings = int(_one("SELECT count(*) FROM banking_posting"))
    report.seconds = time.monotonic() - began
    return report


@contextmanager
def one_moment() -> Iterator[None]:
    """Read everything in one snapshot, and write nothing."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def newest_posting() -> int:
    """Return the highest number of a posting, also of one that only its entries name."""
    return int(
        _one("SELECT greatest((SELECT max(id) FROM banking_posting), (SELECT max(posting_id) FROM banking_entry), 0)")
    )


def account_page(*, after: UUID | None, size: int) -> list[UUID]:
    """Return the ids of the next accounts, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id FROM banking_account WHERE %s::uuid IS NULL OR account_id > %s ORDER BY 1 LIMIT %s",
            [after, after, size],
        )
        return [account_id for (account_id,) in cursor.fetchall()]


def in_postings(*, after: int, until: int) -> list[Finding]:
    """Return what is wrong with postings of a stretch of ids, the first one too many on the left."""
    return _found(_OF_POSTINGS, after=after, until=until)


def in_accounts(first: UUID, last: UUID) -> list[Finding]:
    """Return what is wrong with a stretch of accounts: their balances, holds, payments and loans."""
    return _found(_OF_ACCOUNTS, first=first, last=last)


def in_banks() -> list[Finding]:
    """Return what is wrong with banks as a whole; reads all entries of their own accounts."""
    return _found(_OF_BANKS)


def missing_guards() -> list[Finding]:
    """Return the triggers that are gone, switched off, or call something else."""
    wanted = [(table, name, calls) for table, names in GUARDS.items() for name, calls in names.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT w.name FROM unnest(%s::text[], %s::text[], %s::text[]) AS w(relation, name, calls)
            WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = w.relation::regclass AND g.tgname = w.name
                AND g.tgenabled = 'A' AND g.tgfoid = w.calls::regproc)""",
            [list(column) for column in zip(*wanted, strict=True)],
        )
        return [Finding("guard", f"trigger {name}", "it is gone or switched off") for (name,) in cursor.fetchall()]


def _found(checks: dict[str, tuple[str, str]], **given: Any) -> list[Finding]:
    findings = []
    with connection.cursor() as cursor:
        for kind, (named, statement) in checks.items():
            cursor.execute(statement, {"named": NAMED_MAX, **given})
            findings += [Finding(kind, f"{named} {found}", words) for found, words in cursor.fetchall()]
    return findings


def _one(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]
