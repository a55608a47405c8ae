"""Banking: a bank's portfolio in pictures, accounts with ledger and statements, loans and what the model says.

Managers see their banks; auditors read the books of all, and each of their looks at an account is recorded.
"""

import calendar
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from backend.banking import charts
from backend.banking.models import Bank, Term
from backend.banking.selectors import customers, ledger, scoring
from backend.banking.selectors.banks import banks_managed_by, get_audited_bank
from backend.banking.selectors.portfolio import portfolio_of
from backend.banking.services import looking
from backend.common.principal import AUDITOR
from backend.console.pages import Page
from backend.console.views.lists import number_in, position_in, position_text, word_in

BANKS_MAX = 100
SIZE = 50
STATEMENT_MAX = 2000


class Banking(Page):
    place = "banking"

    def get(self, request: HttpRequest, bank_id: UUID | None = None) -> HttpResponse:
        banks = list(self._banks()[:BANKS_MAX])
        if bank_id is None:
            if banks:
                return HttpResponseRedirect(reverse("console:bank", args=[banks[0].pk]))
            return self.show("banking_none.html")
        bank = get_audited_bank(actor=self.principal, bank_id=bank_id)
        portfolio = portfolio_of(bank, word_in(request, "currency", 3).upper())
        balances = ledger.trial_balance(bank)
        return self.show(
            "banking.html", bank=bank, banks=banks, portfolio=portfolio, balances=balances, charts=list(charts.CHARTS)
        )

    def _banks(self) -> Any:
        found = Bank.objects.all() if self.principal.has_role(AUDITOR) else banks_managed_by(self.principal.id)
        return found.order_by("bank_name", "pk")


class Accounts(Page):
    """A bank's accounts, newest first."""

    place = "banking"

    def get(self, request: HttpRequest, bank_id: UUID) -> HttpResponse:
        bank = get_audited_bank(actor=self.principal, bank_id=bank_id)
        after = position_in(request.GET.get("cursor", ""))
        found = customers.accounts_after([bank.pk], after, SIZE + 1)
        rows = found[:SIZE]
        names = {row["customer_id"]: row for row in customers.customer_rows([row["customer"] for row in rows])}
        more = position_text(rows[-1]["created_at"], rows[-1]["account_id"]) if len(found) > SIZE else ""
        return self.show(
            "accounts.html", bank=bank, rows=[(row, names.get(row["customer"])) for row in rows], more=more
        )


class OneAccount(Page):
    place = "banking"

    def get(self, request: HttpRequest, account_id: UUID) -> HttpResponse:
        account = looking.look_at_ledger(actor=self.principal, account_id=account_id)
        entries = ledger.entries_of(account.pk, after=number_in(request, "before"), limit=SIZE + 1)
        loans = customers.loans_after([account.bank_id], None, SIZE, account_id=account.pk)
        return self.show(
            "account.html",
            account=account,
            entries=entries[:SIZE],
            more=entries[SIZE - 1].pk if len(entries) > SIZE else None,
            loans=loans,
            scores=list(scoring.scores_of_account(account.pk)[:10]),
            terms=Term.choices,
            manages=banks_managed_by(self.principal.id).filter(pk=account.bank_id).exists(),
        )


class Statement(Page):
    """A month of an account, to read and to print."""

    place = "banking"

    def get(self, request: HttpRequest, account_id: UUID) -> HttpResponse:
        account = looking.look_at_ledger(actor=self.principal, account_id=account_id)
        first = _month(word_in(request, "month", 7))
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        opening, entries = ledger.entries_in(account.pk, first, last, limit=STATEMENT_MAX + 1)
        return self.show(
            "statement.html",
            account=account,
            first=first,
            last=last,
            opening=opening,
            entries=entries[:STATEMENT_MAX],
            is_cut=len(entries) > STATEMENT_MAX,
            closing=entries[-1].balance_after if entries else opening,
        )


def _month(text: str) -> date:
    """Return the first day of a month written as 2026-11; of this month where that is none."""
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return datetime.now(UTC).date().replace(day=1)
