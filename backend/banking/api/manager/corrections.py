"""Money that a bank's staff moves by hand: from an account to its loans, and back from where it should not be."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.manager.shapes import REFUSED, TAG
from backend.banking.api.shapes import Money
from backend.banking.facts import PaymentDecided
from backend.banking.models import PaymentStatus, Posting, PostingKind
from backend.banking.selectors import people
from backend.banking.services import payments, postings
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.rendering import TextField
from backend.common.shapes import Detail, SignedRequest

BY = " For bank admins, and for the managers of the bank; nobody acts on an account of their own."
KEPT = OpenApiResponse(Detail, description="It was reversed before, or is not reversed by itself.")
UNUSABLE = OpenApiResponse(Detail, description="The account is frozen or closed, or there is not enough on it.")


class LoanPaymentIn(serializers.Serializer[Any]):
    total_amount = Money(min_value=Decimal("0.01"))


class LoanPartOut(serializers.Serializer[Any]):
    loan = serializers.UUIDField(source="loan_id")
    amount = Money()
    outstanding = Money(source="loan.outstanding", help_text="What the loan owes now.")
    state = serializers.CharField(source="loan.state")


class LoanPaymentOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(source="payment.pk")
    account = serializers.UUIDField(source="account.pk")
    total_amount = Money(source="payment.total_amount")
    currency = serializers.CharField(source="payment.currency")
    status = serializers.ChoiceField(
        choices=PaymentStatus.choices, source="payment.status", help_text="Rejected: above what active loans owe."
    )
    paid_at = serializers.DateTimeField(source="payment.paid_at", allow_null=True)
    posting = serializers.IntegerField(source="payment.posting_id", allow_null=True)
    balance = Money(source="account.balance", help_text="What is on the account now.")
    parts = LoanPartOut(source="details", many=True)


class LoanPayments(APIView):
    @extend_schema(
        operation_id="pay_bank_loans",
        tags=[TAG],
        description="Pays out of an account towards its active loans, the one taken first before all others. More than "
        "they owe is kept as rejected and moves nothing; the answer is 201 all the same." + BY,
        parameters=[IDEMPOTENCY_KEY],
        request=LoanPaymentIn,
        responses={201: LoanPaymentOut, 400: REFUSED, 403: Detail, 404: Detail, 422: UNUSABLE},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, bank_account_id: UUID) -> Response:
        people.staffed_account(actor=request.user, account_id=bank_account_id, is_hidden=True)
        given = LoanPaymentIn(data=request.data)
        given.is_valid(raise_exception=True)
        decided: PaymentDecided = payments.pay_for_bank(
            actor=request.user, account_id=bank_account_id, total_amount=given.validated_data["total_amount"]
        )
        return Response(LoanPaymentOut(decided).data, status=status.HTTP_201_CREATED)


class ReversalIn(serializers.Serializer[Any]):
    reason = TextField(max_length=200, help_text="It stands in the trail.")


class ReversalOut(serializers.Serializer[Any]):
    posting = serializers.IntegerField(source="pk")
    reverses = serializers.IntegerField(source="reverses_id")
    kind = serializers.ChoiceField(choices=PostingKind.choices)
    bank = serializers.UUIDField(source="bank_id")
    booked_on = serializers.DateField(help_text="The bank's day.")
    at = serializers.DateTimeField()


class Reversal(APIView):
    @extend_schema(
        operation_id="reverse_posting",
        tags=[TAG],
        description="Writes the mirror of an opening, deposit, withdrawal, transfer or payment, once. The loans of a "
        "payment owe again what it brought them. What was between two banks is a bank admin's to reverse." + BY,
        parameters=[IDEMPOTENCY_KEY],
        request=ReversalIn,
        responses={201: ReversalOut, 400: REFUSED, 403: Detail, 404: Detail, 409: KEPT, 422: UNUSABLE},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, posting_id: int) -> Response:
        people.require_staffed_posting(actor=request.user, posting_id=posting_id)
        given = ReversalIn(data=request.data)
        given.is_valid(raise_exception=True)
        made: Posting = postings.reverse_for_bank(
            actor=request.user, posting_id=posting_id, reason=given.validated_data["reason"]
        )
        return Response(ReversalOut(made).data, status=status.HTTP_201_CREATED)
