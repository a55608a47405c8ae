"""Loans on the accounts of one's banks (S0-R9, S0-R18 to S0-R20): on record, or PENDING."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.manager.lists import banks_in, listed
from backend.banking.api.manager.shapes import (
    OF_BANK,
    PAGING,
    REFUSED,
    STAYS,
    TAG,
    LoanChangeIn,
    LoanIn,
    LoanOut,
    listed_schema,
    loan_row,
)
from backend.banking.api.shapes import Money, bad_request, uuid_in
from backend.banking.models import Loan
from backend.banking.selectors import banks as bank_selectors
from backend.banking.selectors import customers as selectors
from backend.banking.services import manager_loans
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail, SignedRequest

MOVED = OpenApiResponse(Detail, description="Its `state` does not allow this, or it is another `door`'s.")
UNUSABLE = OpenApiResponse(Detail, description="The account is frozen or closed.")
SETTLED = OpenApiResponse(Detail, description="It is no record and no longer PENDING (`state`), or another door's.")


class RegisteredLoanOut(serializers.Serializer[Any]):
    message = serializers.CharField()
    id = serializers.UUIDField()
    account = serializers.UUIDField()
    bank = serializers.UUIDField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        more: dict[str, Any] = {"loan amount": Money()}
        return {**super().get_fields(), **more}


def _registered(request: SignedRequest) -> Loan:
    bank_selectors.require_banks(request.user)
    given = LoanIn(data=request.data)
    given.is_valid(raise_exception=True)
    fields = dict(given.validated_data)
    with bad_request():
        return manager_loans.register_loan(actor=request.user, account_id=fields.pop("account"), fields=fields)


class RegisterLoan(APIView):
    @extend_schema(
        operation_id="register_loan",
        tags=[TAG],
        description="With `loan_status`, writes down a loan that has ended; without, one that is PENDING (BUG-S0-3).",
        request=LoanIn,
        responses={201: RegisteredLoanOut, 400: REFUSED, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        loan = _registered(request)
        body = {
            "message": "Loan is registered",
            "id": loan.pk,
            "loan amount": loan.current_loan_amount,
            "account": loan.account_id,
            "bank": loan.bank_id,
        }
        return Response(body, status=status.HTTP_201_CREATED)


class Loans(APIView):
    """The loans on the accounts of the banks that one manages."""

    @extend_schema(
        operation_id="list_bank_loans",
        tags=[TAG],
        description="The newest first. Another bank's account has none here.",
        parameters=[
            OF_BANK,
            OpenApiParameter("account", str, description="An account's id; a slash behind it does no harm (S0-R19)."),
            *PAGING,
        ],
        responses={200: listed_schema("BankLoan", LoanOut), 400: REFUSED},
    )
    def get(self, request: SignedRequest) -> Response:
        banks, account_id = banks_in(request), uuid_in(request, "account")
        return listed(
            request,
            selectors.loans_in(banks, account_id=account_id).values(*selectors.LOAN),
            list,
            lambda after, limit: selectors.loans_after(banks, after, limit, account_id=account_id),
            key="loan_id",
        )

    @extend_schema(
        operation_id="create_loan",
        tags=[TAG],
        description="As `POST /api/register/loan/`, and answers the loan.",
        request=LoanIn,
        responses={201: LoanOut, 400: REFUSED, 403: Detail},
    )
    def post(self, request: SignedRequest) -> Response:
        return Response(loan_row(_registered(request)), status=status.HTTP_201_CREATED)


class OneLoan(APIView):
    """A loan on an account of a bank that one manages."""

    @extend_schema(operation_id="get_bank_loan", tags=[TAG], responses={200: LoanOut, 404: Detail})
    def get(self, request: SignedRequest, bank_loan_id: UUID) -> Response:
        return Response(loan_row(selectors.get_loan(actor=request.user, loan_id=bank_loan_id)))

    @extend_schema(
        operation_id="replace_loan",
        tags=[TAG],
        description="What is optional and not sent stays. A loan on record is corrected; a PENDING one of "
        "this door, too.",
        request=LoanChangeIn,
        responses={200: LoanOut, 400: REFUSED, 404: Detail, 409: SETTLED},
    )
    def put(self, request: SignedRequest, bank_loan_id: UUID) -> Response:
        return self._change(request, bank_loan_id, partial=False)

    @extend_schema(
        operation_id="change_loan",
        tags=[TAG],
        request=LoanChangeIn,
        responses={200: LoanOut, 400: REFUSED, 404: Detail, 409: SETTLED},
    )
    def patch(self, request: SignedRequest, bank_loan_id: UUID) -> Response:
        return self._change(request, bank_loan_id, partial=True)

    @extend_schema(
        operation_id="delete_loan",
        tags=[TAG],
        description="A loan on record goes, and one of this door on which no money has moved.",
        responses={204: None, 404: Detail, 409: STAYS},
    )
    def delete(self, request: SignedRequest, bank_loan_id: UUID) -> Response:
        manager_loans.delete_loan(actor=request.user, loan_id=bank_loan_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: SignedRequest, loan_id: UUID, *, partial: bool) -> Response:
        selectors.get_loan(actor=request.user, loan_id=loan_id)  # Another's is 404, whatever the body.
        given = LoanChangeIn(data=request.data, partial=partial)
        given.is_valid(raise_exception=True)
        with bad_request():
            loan = manager_loans.correct_loan(actor=request.user, loan_id=loan_id, changes=given.validated_data)
        return Response(loan_row(loan))


class ActivateLoan(APIView):
    @extend_schema(
        operation_id="activate_loan",
        tags=[TAG],
        description="Pays a PENDING loan of this door out to its account.",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={200: LoanOut, 404: Detail, 409: MOVED, 422: UNUSABLE},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, bank_loan_id: UUID) -> Response:
        return Response(loan_row(manager_loans.activate(actor=request.user, loan_id=bank_loan_id)))


class RejectLoan(APIView):
    @extend_schema(
        operation_id="reject_loan",
        tags=[TAG],
        description="Refuses a PENDING loan of this door.",
        request=None,
        responses={200: LoanOut, 404: Detail, 409: MOVED},
    )
    def post(self, request: SignedRequest, bank_loan_id: UUID) -> Response:
        return Response(loan_row(manager_loans.reject(actor=request.user, loan_id=bank_loan_id)))


class ChargeOffLoan(APIView):
    @extend_schema(
        operation_id="charge_off_loan",
        tags=[TAG],
        description="Gives up what an ACTIVE loan of this door still owes: it becomes the bank's loss.",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={200: LoanOut, 404: Detail, 409: MOVED},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, bank_loan_id: UUID) -> Response:
        return Response(loan_row(manager_loans.charge_off(actor=request.user, loan_id=bank_loan_id)))
