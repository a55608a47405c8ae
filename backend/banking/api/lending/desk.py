"""Loans as the staff of banks see them: bank admins those of every bank, managers those of theirs, auditors to read."""

from datetime import date
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from backend.banking.api.lending import rows
from backend.banking.api.lending.people import shown_page
from backend.banking.api.lending.shapes import (
    CURSOR,
    DESK_TAG,
    OF_BANK,
    REFUSED,
    RULE,
    STATE,
    DeskLentOut,
    DeskLoanApplicationOut,
    LoanChargeOffIn,
    LoanProductChangeIn,
    LoanProductIn,
    LoanProductOut,
    LoanRejectionIn,
    RunningLentOut,
)
from backend.banking.api.shapes import uuid_in
from backend.banking.models import ApplicationStatus
from backend.banking.selectors import lending as selectors
from backend.banking.selectors.lending import APPLICANT, BORROWER
from backend.banking.services.lending import applications, giving_up, products
from backend.common import cursors, keysets
from backend.common.cursors import page_schema
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail, SignedRequest


def _application(application_id: UUID) -> Response:
    return Response(rows.desk_application(selectors.application_row(application_id, *APPLICANT)))


class DeskApplications(APIView):
    @extend_schema(
        operation_id="list_desk_loan_applications",
        tags=[DESK_TAG],
        description="The newest first.",
        parameters=[OF_BANK, OpenApiParameter("status", str, enum=ApplicationStatus.values), *CURSOR],
        responses={200: page_schema("DeskLoanApplicationPage", DeskLoanApplicationOut), 400: REFUSED, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        bank_id, wanted = uuid_in(request, "bank"), request.query_params.get("status", "")
        if wanted and wanted not in ApplicationStatus.values:
            raise ValidationError({"status": [f"One of {', '.join(ApplicationStatus.values)}."]})
        page = keysets.page_of(
            request,
            lambda after, limit: selectors.list_desk_applications(
                actor=request.user, bank_id=bank_id, status=wanted, after=after, limit=limit
            ),
            at="created_at",
            key="id",
        )
        return shown_page(page, rows.desk_application)


class OneDeskApplication(APIView):
    @extend_schema(
        operation_id="get_desk_loan_application",
        tags=[DESK_TAG],
        responses={200: DeskLoanApplicationOut, 403: Detail, 404: Detail},
    )
    def get(self, request: SignedRequest, desk_application_id: UUID) -> Response:
        selectors.desk_application(actor=request.user, application_id=desk_application_id, reading=True)
        return _application(desk_application_id)


class ApproveApplication(APIView):
    @extend_schema(
        operation_id="approve_loan_application",
        tags=[DESK_TAG],
        description="Lends what was asked for: the schedule begins today, and the money goes to the account.",
        parameters=[IDEMPOTENCY_KEY],
        request=None,
        responses={200: DeskLoanApplicationOut, 403: Detail, 404: Detail, 409: STATE, 422: RULE},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, desk_application_id: UUID) -> Response:
        applications.approve(actor=request.user, application_id=desk_application_id)
        return _application(desk_application_id)


class RejectApplication(APIView):
    @extend_schema(
        operation_id="reject_loan_application",
        tags=[DESK_TAG],
        request=LoanRejectionIn,
        responses={200: DeskLoanApplicationOut, 400: REFUSED, 403: Detail, 404: Detail, 409: STATE, 422: RULE},
    )
    def post(self, request: SignedRequest, desk_application_id: UUID) -> Response:
        selectors.desk_application(actor=request.user, application_id=desk_application_id)
        given = LoanRejectionIn(data=request.data)
        given.is_valid(raise_exception=True)
        applications.reject(actor=request.user, application_id=desk_application_id, **given.validated_data)
        return _application(desk_application_id)


class DeskLoans(APIView):
    @extend_schema(
        operation_id="list_desk_loans",
        tags=[DESK_TAG],
        description="Loans with something left to pay, the one that has waited longest first.",
        parameters=[
            OF_BANK,
            OpenApiParameter("late", bool, description="Only those behind the days of grace."),
            *CURSOR,
        ],
        responses={200: page_schema("DeskLoanPage", RunningLentOut), 400: REFUSED, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        bank_id, late = uuid_in(request, "bank"), request.query_params.get("late", "")
        if late not in {"", "true", "false"}:
            raise ValidationError({"late": ["true or false."]})
        page = cursors.page_of(
            request,
            lambda text, limit: selectors.list_running_loans(
                actor=request.user, bank_id=bank_id, late=late == "true", after=_position(text), limit=limit
            ),
            lambda row: f"{row['next_due_on']} {row['loan_id']}",
            kind=str,
        )
        return shown_page(page, rows.loan)


class OneDeskLoan(APIView):
    @extend_schema(
        operation_id="get_desk_loan",
        tags=[DESK_TAG],
        responses={200: DeskLentOut, 403: Detail, 404: Detail},
    )
    def get(self, request: SignedRequest, desk_loan_id: UUID) -> Response:
        selectors.desk_loan(actor=request.user, loan_id=desk_loan_id, reading=True)
        return _loan(desk_loan_id)


class ChargeOffLoan(APIView):
    @extend_schema(
        operation_id="charge_off_desk_loan",
        tags=[DESK_TAG],
        description="Gives up a loan that is overdue for as long as its terms say. The principal becomes a loss.",
        parameters=[IDEMPOTENCY_KEY],
        request=LoanChargeOffIn,
        responses={200: DeskLentOut, 400: REFUSED, 403: Detail, 404: Detail, 409: STATE, 422: RULE},
    )
    @idempotent_post()
    def post(self, request: SignedRequest, desk_loan_id: UUID) -> Response:
        selectors.desk_loan(actor=request.user, loan_id=desk_loan_id)
        given = LoanChargeOffIn(data=request.data)
        given.is_valid(raise_exception=True)
        giving_up.charge_off(actor=request.user, loan_id=desk_loan_id, **given.validated_data)
        return _loan(desk_loan_id)


class DeskProducts(APIView):
    @extend_schema(
        operation_id="list_desk_loan_products",
        tags=[DESK_TAG],
        description="Closed ones too, the newest first.",
        parameters=[OF_BANK, *CURSOR],
        responses={200: page_schema("DeskLoanProductPage", LoanProductOut), 400: REFUSED, 403: Detail},
    )
    def get(self, request: SignedRequest) -> Response:
        bank_id, banks = uuid_in(request, "bank"), selectors.desk_banks(request.user, reading=True)
        page = keysets.page_of(
            request,
            lambda after, limit: selectors.list_products(
                bank_id=bank_id, banks=banks, closed=True, after=after, limit=limit
            ),
            at="created_at",
            key="id",
        )
        return shown_page(page, rows.product)

    @extend_schema(
        operation_id="create_loan_product",
        tags=[DESK_TAG],
        request=LoanProductIn,
        responses={201: LoanProductOut, 400: REFUSED, 403: Detail, 404: Detail, 422: RULE},
    )
    def post(self, request: SignedRequest) -> Response:
        selectors.desk_banks(request.user)
        given = LoanProductIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(given.validated_data)
        product = products.create_product(actor=request.user, bank_id=fields.pop("bank"), fields=fields)
        return Response(rows.product(selectors.product_row(product.pk)), status=status.HTTP_201_CREATED)


class OneDeskProduct(APIView):
    @extend_schema(
        operation_id="change_loan_product",
        tags=[DESK_TAG],
        description="For later applications: who has applied keeps the terms of then.",
        request=LoanProductChangeIn,
        responses={200: LoanProductOut, 400: REFUSED, 403: Detail, 404: Detail, 422: RULE},
    )
    def patch(self, request: SignedRequest, desk_product_id: UUID) -> Response:
        selectors.desk_banks(request.user)
        given = LoanProductChangeIn(data=request.data)
        given.is_valid(raise_exception=True)
        product = products.change_product(actor=request.user, product_id=desk_product_id, changes=given.validated_data)
        return Response(rows.product(selectors.product_row(product.pk)))


def _loan(loan_id: UUID) -> Response:
    return Response(rows.with_schedule(selectors.loan_row(loan_id, *BORROWER), selectors.instalments_of(loan_id)))


def _position(text: str | None) -> tuple[date, UUID] | None:
    """Raises: ValidationError for a cursor that we did not write."""
    if not text:
        return None
    day, _, key = text.partition(" ")
    try:
        return date.fromisoformat(day), UUID(key)
    except ValueError:
        raise ValidationError({"cursor": ["This is no cursor of ours."]}) from None
