"""A partner's customers (S4-R1 to S4-R5)."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from backend.banking.api.partner.access import PartnerRequest, PartnerView, as_400
from backend.banking.api.partner.pages import PAGING, listed, page_schema
from backend.banking.api.partner.shapes import (
    FORBIDDEN,
    REFUSED,
    TAG,
    NewPartnerCustomerIn,
    PartnerBalanceOut,
    PartnerCustomerChangeIn,
    PartnerCustomerOut,
    UploadedOut,
    by_name,
)
from backend.banking.errors import ExternalIdTaken
from backend.banking.partner_errors import FileRefused
from backend.banking.selectors import partner as selectors
from backend.banking.services import credit_lines, imports
from backend.common.rendering import JSONParser
from backend.common.shapes import Detail

NAME = by_name("customer_external_id")
TAKEN = "A customer with this external_id already exists."


class PartnerCustomers(PartnerView):
    @extend_schema(
        operation_id="partner_list_customers",
        tags=[TAG],
        parameters=PAGING,
        responses={200: page_schema("PartnerCustomerPage", PartnerCustomerOut), 400: REFUSED, 403: FORBIDDEN},
    )
    def get(self, request: PartnerRequest) -> Response:
        """The customers of the key's bank, the newest first."""
        rows = selectors.customers(request.partner)
        return listed(request, rows, lambda found: [selectors.customer_row(row) for row in found], key="account_id")

    @extend_schema(
        operation_id="partner_register_customer",
        tags=[TAG],
        request=NewPartnerCustomerIn,
        responses={201: PartnerCustomerOut, 400: REFUSED, 403: FORBIDDEN},
    )
    def post(self, request: PartnerRequest) -> Response:
        """Register a customer with a credit line. They are active from the start."""
        given = NewPartnerCustomerIn(data=request.data)
        given.is_valid(raise_exception=True)
        fields: dict[str, Any] = {name: value for name, value in given.validated_data.items() if name != "status"}
        try:
            account = credit_lines.register_customer(actor=request.partner, **fields)
        except ExternalIdTaken:
            raise ValidationError({"external_id": [TAKEN]}) from None
        return Response(selectors.customer_of(account), status=status.HTTP_201_CREATED)


class OnePartnerCustomer(PartnerView):
    @extend_schema(
        operation_id="partner_get_customer",
        tags=[TAG],
        parameters=[NAME],
        responses={200: PartnerCustomerOut, 403: FORBIDDEN, 404: Detail},
    )
    def get(self, request: PartnerRequest, customer_external_id: str) -> Response:
        """One customer."""
        return Response(selectors.get_customer(request.partner, customer_external_id))

    @extend_schema(
        operation_id="partner_change_customer",
        tags=[TAG],
        parameters=[NAME],
        request=PartnerCustomerChangeIn,
        responses={200: PartnerCustomerOut, 400: REFUSED, 403: FORBIDDEN, 404: Detail},
    )
    def patch(self, request: PartnerRequest, customer_external_id: str) -> Response:
        """Change the credit line, the pre-approval, or whether the customer is active."""
        account_id = selectors.get_account_id(request.partner, customer_external_id)
        given = PartnerCustomerChangeIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        names = {"score": "credit_line", "preapproved_at": "preapproved_at"}
        changes = {names[name]: value for name, value in given.validated_data.items() if name in names}
        if "status" in given.validated_data:
            changes["is_paused"] = given.validated_data["status"] == selectors.INACTIVE
        with as_400():
            account = credit_lines.change_customer(actor=request.partner, account_id=account_id, changes=changes)
        return Response(selectors.customer_of(account))


class PartnerCustomerBalance(PartnerView):
    @extend_schema(
        operation_id="partner_get_customer_balance",
        tags=[TAG],
        parameters=[NAME],
        responses={200: PartnerBalanceOut, 403: FORBIDDEN, 404: Detail},
    )
    def get(self, request: PartnerRequest, customer_external_id: str) -> Response:
        """A customer's line, debt, and what may still be lent."""
        return Response(selectors.get_balance(request.partner, customer_external_id))


class UploadCustomers(PartnerView):
    parser_classes = [MultiPartParser, JSONParser]

    @extend_schema(
        operation_id="partner_upload_customers",
        tags=[TAG],
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
        responses={
            200: UploadedOut,
            400: REFUSED,
            403: FORBIDDEN,
            413: OpenApiResponse(Detail, description="More than 64 MB."),
        },
    )
    def post(self, request: PartnerRequest) -> Response:
        """Register the customers of a text file: `external_id,score[,preapproved_at]` in each line, no header.

        Good lines are saved, bad ones are named by number.
        """
        file = request.data.get("file") if hasattr(request.data, "get") else None
        if not isinstance(file, UploadedFile):
            raise ValidationError({"file": ["Send a file."]})
        if not file.size:
            raise ValidationError({"file": ["The file is empty."]})
        try:
            outcome = imports.load_customers(actor=request.partner, pieces=file.chunks())
        except FileRefused as fault:
            raise ValidationError({"file": [fault.detail]}) from None
        return Response({"created": outcome.created, "errors": [bad.shown for bad in outcome.bad]})
