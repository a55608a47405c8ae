"""What the staff of a bank does to its customers' accounts: cash over the counter, freezing and unfreezing (S2-B35),
and what people may send from it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.customer.shapes import (
    DESK_TAG,
    INVALID,
    REFUSED,
    AccountStateOut,
    AmountIn,
    BankChoiceOut,
    CounterOut,
    ReasonIn,
    amount_field,
    bank_row,
    row_of,
)
from backend.banking.models import Account, Posting
from backend.banking.selectors import banks as bank_selectors
from backend.banking.selectors import people
from backend.banking.services import bank_limits, freezes, tellers
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail, SignedRequest

BY = " For bank admins, and for the managers of the account's bank; nobody acts on an account of their own."


def _counter(
    request: SignedRequest, account_id: UUID, pay: Callable[..., tuple[Posting, Account]], sign: int
) -> Response:
    people.staffed_account(actor=request.user, account_id=account_id)  # Whoever may not hears so, whatever the body.
    given = AmountIn(data=request.data)
    given.is_valid(raise_exception=True)
    amount: Decimal = given.validated_data["amount"]
    posting, account = pay(actor=request.user, account_id=account_id, amount=amount)
    body = {
        "posting_id": posting.pk,
        "what": posting.kind,
        "amount": sign * amount,
        "currency": account.currency,
        "account_id": account.pk,
        "balance": account.balance,
        "available": account.available,
        "booked_on": posting.booked_on,
    }
    return Response(body, status=status.HTTP_201_CREATED)


class Deposits(APIView):
    @extend_schema(
        operation_id="deposit_cash",
        tags=[DESK_TAG],
        description="Pays cash into a customer's account." + BY,
        parameters=[IDEMPOTENCY_KEY],
        request=AmountIn,
        responses={201: CounterOut, 400: INVALID, 403: Detail, 404: Detail, 409: Detail, 422: REFUSED},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, account_id: UUID) -> Response:
        return _counter(request, account_id, tellers.deposit, 1)


class Withdrawals(APIView):
    @extend_schema(
        operation_id="withdraw_cash",
        tags=[DESK_TAG],
        description="Pays cash out of a customer's account." + BY,
        parameters=[IDEMPOTENCY_KEY],
        request=AmountIn,
        responses={201: CounterOut, 400: INVALID, 403: Detail, 404: Detail, 409: Detail, 422: REFUSED},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, account_id: UUID) -> Response:
        return _counter(request, account_id, tellers.withdraw, -1)


def _state(request: SignedRequest, account_id: UUID, change: Callable[..., Account]) -> Response:
    people.staffed_account(actor=request.user, account_id=account_id)
    given = ReasonIn(data=request.data)
    given.is_valid(raise_exception=True)
    account = change(actor=request.user, account_id=account_id, reason=given.validated_data["reason"])
    return Response({"account_id": account.pk, "status": account.status, "status_reason": account.status_reason})


class FreezeAccount(APIView):
    @extend_schema(
        operation_id="freeze_account",
        tags=[DESK_TAG],
        description="A frozen account neither sends nor takes money. The holder reads the reason." + BY,
        request=ReasonIn,
        responses={200: AccountStateOut, 400: INVALID, 403: Detail, 404: Detail, 422: REFUSED},
    )
    def post(self, request: SignedRequest, account_id: UUID) -> Response:
        return _state(request, account_id, freezes.freeze_account)


class UnfreezeAccount(APIView):
    @extend_schema(
        operation_id="unfreeze_account",
        tags=[DESK_TAG],
        description="The reason stands in the trail." + BY,
        request=ReasonIn,
        responses={200: AccountStateOut, 400: INVALID, 403: Detail, 404: Detail, 422: REFUSED},
    )
    def post(self, request: SignedRequest, account_id: UUID) -> Response:
        return _state(request, account_id, freezes.unfreeze_account)


class BankLimits(APIView):
    class BankLimitsIn(serializers.Serializer[Any]):
        transfer_max = amount_field(allow_null=True, help_text="Null: what the settings say.")
        transfer_day_max = amount_field(allow_null=True)
        step_up_from = amount_field(allow_null=True)

    @extend_schema(
        operation_id="set_bank_limits",
        tags=[DESK_TAG],
        description="Says what people may send from accounts at a bank that one manages; it counts from the next one.",
        request=BankLimitsIn,
        responses={200: BankChoiceOut, 400: INVALID, 404: Detail},
    )
    def put(self, request: SignedRequest, bank_id: UUID) -> Response:
        bank_selectors.get_managed_bank(actor=request.user, bank_id=bank_id)
        given = self.BankLimitsIn(data=request.data)
        given.is_valid(raise_exception=True)
        bank = bank_limits.set_limits(actor=request.user, bank_id=bank_id, limits=given.validated_data)
        return Response(bank_row(row_of(bank, (*people.BANK, *bank_limits.NAMES))))
