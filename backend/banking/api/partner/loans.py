"""A partner's loans (S4-R6 to S4-R10)."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from backend.banking.api.partner.access import Fields, PartnerRequest, PartnerView, as_400, moves_as_400
from backend.banking.api.partner.pages import PAGING, listed, page_schema
from backend.banking.api.partner.shapes import (
    FORBIDDEN,
    OF_CUSTOMER,
    REFUSED,
    TAG,
    NewPartnerLoanIn,
    PartnerLoanOut,
    by_name,
)
from backend.banking.errors import CreditLineExceeded
from backend.banking.models import Door
from backend.banking.selectors import partner as selectors
from backend.banking.services import loans
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail

NAME = by_name("loan_external_id")
UNKNOWN_CUSTOMER = "There is no customer with this external_id."
NOT_PENDING = OpenApiResponse(Detail, description="It is no longer pending, or its customer is inactive.")


class PartnerLoans(PartnerView):
    @extend_schema(
        operation_id="partner_list_loans",
        tags=[TAG],
        parameters=[OF_CUSTOMER, *PAGING],
        responses={200: page_schema("PartnerLoanPage", PartnerLoanOut), 400: REFUSED, 403: FORBIDDEN},
    )
    def get(self, request: PartnerRequest) -> Response:
        """The loans of the key's bank, the newest first."""
        rows = selectors.loans(request.partner)
        name = request.query_params.get("customer_external_id")
        if name:
            account_id = selectors.find_account_id(request.partner, name)
            rows = selectors.loans(request.partner, account_id) if account_id else rows.none()
        return listed(request, rows, lambda found: [selectors.loan_row(row) for row in found], key="loan_id")

    @extend_schema(
        operation_id="partner_create_loan",
        tags=[TAG],
        parameters=[IDEMPOTENCY_KEY],
        request=NewPartnerLoanIn,
        responses={201: PartnerLoanOut, 400: REFUSED, 403: FORBIDDEN},
    )
    @idempotent_post()
    def post(self, request: PartnerRequest) -> Response:
        """Ask for a loan within the customer's credit line. It is pending until it is activated or rejected."""
        given = NewPartnerLoanIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        account_id = selectors.find_account_id(request.partner, fields.pop("customer_external_id"))
        if account_id is None:
            raise ValidationError({"customer_external_id": [UNKNOWN_CUSTOMER]})
        try:
            with as_400():
                loan = loans.create_loan(
                    actor_id=None,
                    account_id=account_id,
                    amount=fields.pop("amount"),
                    door=Door.PARTNER,
                    terms=loans.Terms(**fields),
                    key_prefix=request.partner.key_prefix,
                )
        except CreditLineExceeded as fault:
            raise Fields({"amount": [fault.detail]}) from None
        return Response(selectors.loan_of(loan, loan.account), status=status.HTTP_201_CREATED)


class OnePartnerLoan(PartnerView):
    @extend_schema(
        operation_id="partner_get_loan",
        tags=[TAG],
        parameters=[NAME],
        responses={200: PartnerLoanOut, 403: FORBIDDEN, 404: Detail},
    )
    def get(self, request: PartnerRequest, loan_external_id: str) -> Response:
        """One loan."""
        return Response(selectors.get_loan(request.partner, loan_external_id))


class ActivatePartnerLoan(PartnerView):
    @extend_schema(
        operation_id="partner_activate_loan",
        tags=[TAG],
        parameters=[NAME, IDEMPOTENCY_KEY],
        request=None,
        responses={200: PartnerLoanOut, 400: NOT_PENDING, 403: FORBIDDEN, 404: Detail},
    )
    @idempotent_post()
    def post(self, request: PartnerRequest, loan_external_id: str) -> Response:
        """Lend what was asked for, as of now."""
        loan_id = selectors.get_loan_id(request.partner, loan_external_id)
        with moves_as_400("activated"):
            loan = loans.activate_loan(actor_id=None, loan_id=loan_id, key_prefix=request.partner.key_prefix)
        return Response(selectors.loan_of(loan, loan.account))


class RejectPartnerLoan(PartnerView):
    @extend_schema(
        operation_id="partner_reject_loan",
        tags=[TAG],
        parameters=[NAME, IDEMPOTENCY_KEY],
        request=None,
        responses={204: None, 400: NOT_PENDING, 403: FORBIDDEN, 404: Detail},
    )
    @idempotent_post()
    def post(self, request: PartnerRequest, loan_external_id: str) -> Response:
        """Do not lend it."""
        loan_id = selectors.get_loan_id(request.partner, loan_external_id)
        with moves_as_400("rejected"):
            loans.reject_loan(actor_id=None, loan_id=loan_id, key_prefix=request.partner.key_prefix)
        return Response(status=status.HTTP_204_NO_CONTENT)
