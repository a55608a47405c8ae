"""The books as managers and auditors read them: an account's entries, and a bank's trial balance."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.manager.shapes import REFUSED, TAG
from backend.banking.api.shapes import Money
from backend.banking.models import InternalKind, PostingKind
from backend.banking.selectors.banks import get_audited_bank
from backend.banking.selectors.ledger import TrialBalance, entries_of, trial_balance
from backend.banking.services import looking
from backend.common.cursors import CURSOR_HELP, page_of, page_schema
from backend.common.shapes import Detail, SignedRequest


class EntryOut(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    posting = serializers.IntegerField(source="posting_id")
    kind = serializers.ChoiceField(choices=PostingKind.choices, source="posting.kind")
    booked_on = serializers.DateField(source="posting.booked_on", help_text="The bank's day.")
    at = serializers.DateTimeField(source="posting.at")
    amount = Money(help_text="Above zero came in, below went out.")
    currency = serializers.CharField()
    balance_after = Money()
    reverses = serializers.IntegerField(source="posting.reverses_id", allow_null=True)


class AccountLedger(APIView):
    @extend_schema(
        operation_id="get_account_ledger",
        tags=[TAG],
        parameters=[
            OpenApiParameter("cursor", str, description=CURSOR_HELP),
            OpenApiParameter("page_size", int, description="1 to 100; 20 without it."),
        ],
        responses={200: page_schema("AccountLedgerPage", EntryOut), 400: REFUSED, 404: Detail},
    )
    def get(self, request: SignedRequest, bank_account_id: UUID) -> Response:
        """What happened on an account, the newest first, with the balance behind each entry."""
        account = looking.look_at_ledger(actor=request.user, account_id=bank_account_id)

        def fetch(after: int | None, limit: int) -> list[Any]:
            return entries_of(account.pk, after=after, limit=limit)

        page = page_of(request, fetch, lambda entry: entry.pk)
        return Response({**page, "results": EntryOut(page["results"], many=True).data})


class InternalOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=InternalKind.choices)
    balance = Money()


class TrialBalanceOut(serializers.Serializer[Any]):
    currency = serializers.CharField()
    customers = Money(help_text="What the bank owes its customers.")
    internal = InternalOut(many=True, help_text="Its own accounts; below zero are assets and losses.")
    total = Money(help_text="Zero.")


class TrialBalances(APIView):
    @extend_schema(
        operation_id="get_trial_balance",
        tags=[TAG],
        responses={200: TrialBalanceOut(many=True), 404: Detail},
    )
    def get(self, request: SignedRequest, bank_id: UUID) -> Response:
        """A bank's trial balance, by currency: customers and its own accounts together are zero."""
        bank = get_audited_bank(actor=request.user, bank_id=bank_id)
        return Response(TrialBalanceOut([_shown(one) for one in trial_balance(bank)], many=True).data)


def _shown(found: TrialBalance) -> dict[str, Any]:
    own = [{"kind": kind, "balance": found.internal[kind]} for kind in InternalKind if kind in found.internal]
    return {"currency": found.currency, "customers": found.customers, "internal": own, "total": found.total}
