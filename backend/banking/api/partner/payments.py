"""A partner's payments (S4-R11 to S4-R13)."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from backend.banking.api.partner.access import PartnerRequest, PartnerView, as_400
from backend.banking.api.partner.loans import UNKNOWN_CUSTOMER
from backend.banking.api.partner.pages import PAGING, listed, page_schema
from backend.banking.api.partner.shapes import (
    FORBIDDEN,
    OF_CUSTOMER,
    REFUSED,
    TAG,
    NewPartnerPaymentIn,
    PartnerPaymentOut,
    by_name,
)
from backend.banking.selectors import partner as selectors
from backend.banking.services import payments
from backend.common.idempotent_views import IDEMPOTENCY_KEY, idempotent_post
from backend.common.shapes import Detail


class PartnerPayments(PartnerView):
    @extend_schema(
        operation_id="partner_list_payments",
        tags=[TAG],
        parameters=[OF_CUSTOMER, *PAGING],
        responses={200: page_schema("PartnerPaymentPage", PartnerPaymentOut), 400: REFUSED, 403: FORBIDDEN},
    )
    def get(self, request: PartnerRequest) -> Response:
        """The payments of the key's bank, the newest first."""
        rows = selectors.payments(request.partner)
        name = request.query_params.get("customer_external_id")
        if name:
            account_id = selectors.find_account_id(request.partner, name)
            rows = selectors.payments(request.partner, account_id) if account_id else rows.none()
        return listed(request, rows, selectors.payment_rows, key="id")

    @extend_schema(
        operation_id="partner_pay",
        tags=[TAG],
        parameters=[IDEMPOTENCY_KEY],
        request=NewPartnerPaymentIn,
        responses={201: PartnerPaymentOut, 400: REFUSED, 403: FORBIDDEN},
    )
    @idempotent_post()
    def post(self, request: PartnerRequest) -> Response:
        """Pay towards a customer's active loans, the one taken first before all others.

        One above what they owe is kept as rejected (status 2) and moves nothing; the answer is 201 all the same.
        """
        given = NewPartnerPaymentIn(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        account_id = selectors.find_account_id(request.partner, asked["customer_external_id"])
        if account_id is None:
            raise ValidationError({"customer_external_id": [UNKNOWN_CUSTOMER]})
        with as_400(amount="total_amount"):
            decided = payments.decide_payment(
                actor_id=None,
                account_id=account_id,
                total_amount=asked["total_amount"],
                external_id=asked["external_id"],
                key_prefix=request.partner.key_prefix,
            )
        body = selectors.payment_of(decided.payment, decided.account, decided.details)
        return Response(body, status=status.HTTP_201_CREATED)


class OnePartnerPayment(PartnerView):
    @extend_schema(
        operation_id="partner_get_payment",
        tags=[TAG],
        parameters=[by_name("payment_external_id")],
        responses={200: PartnerPaymentOut, 403: FORBIDDEN, 404: Detail},
    )
    def get(self, request: PartnerRequest, payment_external_id: str) -> Response:
        """One payment."""
        return Response(selectors.get_payment(request.partner, payment_external_id))
