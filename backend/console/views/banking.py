"""Banking: a bank's portfolio in pictures, accounts with ledger and statements, loans and what the model says.

Managers see their banks; auditors read the books of all, and each of their looks at an account is recorded.
"""

from datetime import UTC, date, datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import content_disposition_header

from backend.banking import charts
from backend.banking.errors import StatementUnknown
from backend.banking.models import Bank, Term
from backend.banking.selectors import customers, ledger, scoring
from backend.banking.selectors.banks import banks_managed_by, get_audited_bank
from backend.banking.selectors.portfolio import portfolio_of
from backend.banking.selectors.statements import months_of
from backend.banking.services import looking, statements
from backend.common.principal import AUDITOR
from backend.console.pages import Page
from backend.console.views.lists import number_in, position_in, position_text, word_in

BANKS_MAX = 100
SIZE = 50
STATEMENT_MAX = 2000
FORMS = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8", "json": "application/json"}


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
            scores=list(scoring.scores_of_account(account.pk).select_related("application")[:10]),
            terms=Term.values,
            manages=banks_managed_by(self.principal.id).filter(pk=account.bank_id).exists(),
        )


class OneStatement(Page):
    """A month of an account as its holder gets it, to read and to print; and the way to the files."""

    place = "banking"

    def get(self, request: HttpRequest, account_id: UUID) -> HttpResponse:
        account = looking.look_at_ledger(actor=self.principal, account_id=account_id)
        zone = account.bank.time_zone
        months = months_of(account.created_at, zone, datetime.now(UTC))
        statement = statements.statement_of(account, _month(word_in(request, "month", 7)) or months[0])
        lines = list(islice(statement.lines(), STATEMENT_MAX + 1))
        return self.show(
            "statement.html",
            account=account,
            statement=statement,
            months=months,
            lines=lines[:STATEMENT_MAX],
            is_cut=len(lines) > STATEMENT_MAX,
            forms=list(FORMS),
        )


class StatementFile(Page):
    """The same as a file: what the holder's app fetches, by the same service."""

    place = "banking"

    def get(self, request: HttpRequest, account_id: UUID, month: str, form: str) -> HttpResponseBase:
        first = _month(month)
        if first is None or form not in FORMS:
            raise StatementUnknown
        account = looking.look_at_ledger(actor=self.principal, account_id=account_id)
        statement = statements.statement_of(account, first)
        name = f"statement-{account.account_number}-{first:%Y-%m}.{form}"
        if form == "pdf":
            return FileResponse(
                statements.as_pdf(statement), as_attachment=True, filename=name, content_type=FORMS[form]
            )
        pieces = statements.as_csv(statement) if form == "csv" else statements.as_json(statement)
        headers = {"Content-Disposition": content_disposition_header(True, name)}
        return StreamingHttpResponse(pieces, content_type=FORMS[form], headers=headers)


def _month(text: str) -> date | None:
    """Return the first day of a month written as 2026-11."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == len("2026-11") else None
    except ValueError:
        return None
