"""What a bank's loans come to: by state, purpose, term and score band, how many defaulted, what is at risk.

One currency at a time, since sums across currencies say nothing. What the S0 data is known to get wrong is not summed:
an amount of 99,999,999 on a record means that nobody knew it, and a score over 850 is ten times too large (S0-B16).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from backend.banking.models import Bank, Loan, LoanState
from backend.common.snapshots import SnapshotCache

PURPOSES_MAX = 20
OTHER_PURPOSES = "Other purposes"
NO_PURPOSE, NO_TERM, NO_SCORE = "No purpose given", "No term given", "No score"
BANDS = ("Below 580", "580 to 669", "670 to 739", "740 to 799", "800 and above", NO_SCORE)
LARGEST = 5
ZERO = Decimal("0.00")
UNKNOWN_AMOUNT = Decimal("99999999.00")

# Loans are gone through once; what follows reads a row for each combination that there is.
_LOANS = """
WITH scored AS (
    SELECT loan.state, loan.term, loan.purpose, loan.outstanding,
        CASE WHEN loan.recorded AND loan.current_loan_amount = %(unknown)s THEN NULL ELSE loan.current_loan_amount END
            AS amount,
        CASE WHEN customer.credit_score > 850 THEN customer.credit_score / 10 ELSE customer.credit_score END AS score
    FROM banking_loan loan
    JOIN banking_account account USING (account_id)
    JOIN banking_customer customer USING (customer_id)
    WHERE loan.bank_id = %(bank)s AND loan.currency = %(currency)s
), banded AS (
    SELECT state, term, purpose, amount, outstanding,
        CASE WHEN score < 580 THEN 0 WHEN score < 670 THEN 1 WHEN score < 740 THEN 2 WHEN score < 800 THEN 3
            WHEN score IS NOT NULL THEN 4 ELSE 5 END AS band
    FROM scored
), counted AS MATERIALIZED (
    SELECT state, term, purpose AS spelled, lower(btrim(purpose)) AS purpose, band, count(*) AS loans,
        coalesce(sum(amount), 0) AS amount, count(*) - count(amount) AS unknown, sum(outstanding) AS outstanding
    FROM banded GROUP BY state, term, banded.purpose, band
), common AS (
    SELECT purpose, (array_agg(spelled ORDER BY loans DESC, spelled))[1] AS spelled
    FROM counted GROUP BY purpose ORDER BY sum(loans) DESC, purpose LIMIT %(purposes)s
), named AS (
    SELECT counted.state, counted.term, counted.band, counted.loans, counted.amount, counted.unknown,
        counted.outstanding,
        CASE WHEN counted.purpose = '' THEN '' WHEN common.purpose IS NULL THEN NULL ELSE btrim(common.spelled) END
            AS purpose
    FROM counted LEFT JOIN common ON common.purpose = counted.purpose
)
SELECT grouping(purpose, term, band), purpose, term, band, state, sum(loans)::bigint, sum(amount),
    sum(unknown)::bigint, sum(outstanding)
FROM named
GROUP BY GROUPING SETS ((purpose, state), (term, state), (band, state))
"""
# What `grouping` says of the rows of each set: a bit for each column that is not part of it.
_BY_PURPOSE, _BY_TERM, _BY_BAND = 0b011, 0b101, 0b110


@dataclass(slots=True)
class Group:
    """Loans that have something in common. `amount` is what was lent, as far as it is known."""

    name: str
    loans: int = 0
    amount: Decimal = ZERO
    amounts_unknown: int = 0
    outstanding: Decimal = ZERO
    by_state: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LoanState.values, 0))

    def add(self, state: str, loans: int, amount: Decimal, unknown: int, outstanding: Decimal) -> None:
        self.loans += loans
        self.amount += amount
        self.amounts_unknown += unknown
        self.outstanding += outstanding
        self.by_state[state] += loans

    @property
    def ended(self) -> int:
        return self.by_state[LoanState.PAID] + self.by_state[LoanState.CHARGED_OFF]

    @property
    def default_rate_percent(self) -> Decimal | None:
        """Charged off, of all that ended; None while none has."""
        if not self.ended:
            return None
        return (Decimal(self.by_state[LoanState.CHARGED_OFF]) * 100 / self.ended).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class Debtor:
    customer_id: UUID
    name: str
    outstanding: Decimal
    share_percent: Decimal


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the bank can lose, and what it owes. `undrawn` is the part of open credit lines that no loan has taken."""

    active: Decimal
    pending: Decimal
    credit_lines: Decimal
    undrawn: Decimal
    deposits: Decimal
    largest: list[Debtor]


@dataclass(frozen=True, slots=True)
class Portfolio:
    bank: Bank
    currency: str
    other_currencies: list[str]
    total: Group
    states: list[Group]
    purposes: list[Group]
    terms: list[Group]
    bands: list[Group]
    exposure: Exposure


_cache: SnapshotCache[Portfolio] = SnapshotCache()


def portfolio_of(bank: Bank, currency: str = "") -> Portfolio:
    """Return the figures of a bank that the caller may see, in its own currency or the one named.

    A page shows them as numbers and as several pictures: what was just read is read again only when something has been
    committed since. Five queries then, one otherwise.
    """
    currency = currency or bank.currency
    return _cache.get((bank.pk, currency), lambda: _read(bank, currency))


def _read(bank: Bank, currency: str) -> Portfolio:
    accounts = _accounts(bank)
    deposits, lines, undrawn = accounts.get(currency, (ZERO, ZERO, ZERO))
    purposes: dict[str, Group] = {}
    terms: dict[str, Group] = {}
    states: dict[str, Group] = {}
    bands: dict[int, Group] = {}
    for level, purpose, term, band, state, *sums in _grouped(bank, currency):
        if level == _BY_PURPOSE:
            name = OTHER_PURPOSES if purpose is None else purpose or NO_PURPOSE
            purposes.setdefault(name, Group(name)).add(state, *sums)
        elif level == _BY_TERM:
            terms.setdefault(term or NO_TERM, Group(term or NO_TERM)).add(state, *sums)
            states.setdefault(state, Group(state)).add(state, *sums)
        else:
            bands.setdefault(band, Group(BANDS[band])).add(state, *sums)
    total = Group("All loans")
    for group in states.values():
        total.add(group.name, group.loans, group.amount, group.amounts_unknown, group.outstanding)
    owed = {state: states[state].outstanding if state in states else ZERO for state in LoanState.values}
    return Portfolio(
        bank=bank,
        currency=currency,
        other_currencies=sorted(accounts.keys() - {currency}),
        total=total,
        states=[states[state] for state in LoanState.values if state in states],
        purposes=sorted(purposes.values(), key=lambda group: (group.name == OTHER_PURPOSES, -group.loans, group.name)),
        terms=[terms[name] for name in sorted(terms, reverse=True)],
        bands=[bands[band] for band in sorted(bands)],
        exposure=Exposure(
            active=owed[LoanState.ACTIVE],
            pending=owed[LoanState.PENDING],
            credit_lines=lines,
            undrawn=undrawn,
            deposits=deposits,
            largest=_debtors(bank, currency, owed[LoanState.ACTIVE]),
        ),
    )


def _grouped(bank: Bank, currency: str) -> Iterable[Sequence[Any]]:
    given: dict[str, Any] = {"bank": bank.pk, "currency": currency, "purposes": PURPOSES_MAX, "unknown": UNKNOWN_AMOUNT}
    with connection.cursor() as cursor:
        cursor.execute(_LOANS, given)
        return list(cursor.fetchall())


# Each currency that accounts are in: what the bank owes there, and what it has promised to lend.
_ACCOUNTS = """
SELECT account.currency, coalesce(sum(account.balance) FILTER (WHERE account.status <> 'closed'), 0),
    coalesce(sum(account.credit_line) FILTER (WHERE account.status = 'open'), 0),
    coalesce(sum(greatest(account.credit_line - coalesce(debt.owed, 0), 0)) FILTER (WHERE account.status = 'open'
        AND account.credit_line IS NOT NULL), 0)
FROM banking_account account
LEFT JOIN (
    SELECT account_id, sum(outstanding) AS owed FROM banking_loan
    WHERE bank_id = %(bank)s AND state IN ('pending', 'active') GROUP BY account_id
) debt ON debt.account_id = account.account_id AND account.credit_line IS NOT NULL
WHERE account.bank_id = %(bank)s GROUP BY account.currency
"""


def _accounts(bank: Bank) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """Return deposits, credit lines and what is left of them, by currency."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNTS, {"bank": bank.pk})
        return {currency: tuple(sums) for currency, *sums in cursor.fetchall()}


def _debtors(bank: Bank, currency: str, active: Decimal) -> list[Debtor]:
    rows = (
        Loan.objects.filter(bank=bank, currency=currency, state=LoanState.ACTIVE)
        .values("account__customer", "account__customer__first_name", "account__customer__last_name")
        .annotate(owed=Sum("outstanding"))
        .order_by("-owed", "account__customer")[:LARGEST]
    )
    return [
        Debtor(
            row["account__customer"],
            f"{row['account__customer__first_name']} {row['account__customer__last_name']}".strip(),
            row["owed"],
            (row["owed"] * 100 / active).quantize(Decimal("0.01")),
        )
        for row in rows
    ]
